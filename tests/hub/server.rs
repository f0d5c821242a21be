//! A Hugging Face hub with one model, on loopback.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};

/// The model's id.
pub const ID: &str = "org/tiny";
/// The revision that its branch `main` names.
pub const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";

/// How the hub answers.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// With this status, whatever it is asked.
    pub status: Option<u16>,
    /// Not at all, though it takes the connection.
    pub silent: bool,
    /// It closes every connection.
    pub dead: bool,
    /// It is dead after so many bytes of a weights file.
    pub cut: Option<usize>,
    /// Without heed to ranges, but for the first byte's.
    pub no_ranges: bool,
    /// Half of a weights file, as if that were all.
    pub short: bool,
    /// With more bytes than it has said before.
    pub long: bool,
    /// With the weights' last byte changed.
    pub garbled: bool,
    /// A little at a time.
    pub slow: bool,
    /// It sends who asks for weights to this address.
    pub elsewhere: Option<String>,
}

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub start: Option<usize>,
    pub token: Option<String>,
    /// The bytes that were sent; the first byte alone, which tells the size, is not counted.
    pub sent: usize,
}

/// A running hub.
pub struct Hub {
    pub address: String,
    pub files: Arc<BTreeMap<String, Vec<u8>>>,
    manner: Arc<Mutex<Manner>>,
    log: Arc<Mutex<Vec<Request>>>,
}

impl Hub {
    /// Serves files from now on until the process ends.
    pub fn serve(files: BTreeMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let hub = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            files: Arc::new(files),
            manner: Arc::default(),
            log: Arc::default(),
        };
        let (files, manner, log) = (hub.files.clone(), hub.manner.clone(), hub.log.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (files, manner, log) = (files.clone(), manner.clone(), log.clone());
                // A client that goes away is no fault here.
                std::thread::spawn(move || answer(stream.unwrap(), &files, &manner, &log).ok());
            }
        });
        hub
    }

    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// What was asked since the last time.
    pub fn asked(&self) -> Vec<Request> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    /// The names of files whose bytes were sent since the last time, in order.
    pub fn sent(&self) -> Vec<String> {
        let asked = self.asked().into_iter();
        let sent = asked.filter(|request| request.sent > 0);
        let name = |path: String| path.rsplit('/').next().unwrap().to_owned();
        let mut names: Vec<String> = sent.map(|request| name(request.path)).collect();
        names.sort();
        names
    }
}

/// The name of a file's bytes: SHA-256 of weights, something shorter of others.
pub fn etag(name: &str, bytes: &[u8]) -> String {
    let hash = format!("{:x}", Sha256::digest(bytes));
    match is_large(name) {
        true => hash,
        false => hash[..40].to_owned(),
    }
}

fn is_large(name: &str) -> bool {
    name.ends_with(".safetensors") || name.ends_with(".bin")
}

fn answer(
    mut stream: TcpStream,
    files: &BTreeMap<String, Vec<u8>>,
    shared: &Mutex<Manner>,
    log: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    for line in lines {
        match line?.split_once(": ") {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let manner = shared.lock().unwrap().clone();
    if manner.dead {
        return Ok(());
    }
    let range = headers.get("range").map(|range| {
        let (start, end) = range["bytes=".len()..].split_once('-').unwrap();
        (start.parse::<usize>().unwrap(), end.to_owned())
    });
    let is_probe = matches!(&range, Some((0, end)) if end == "0");
    let mut request = Request {
        path: path.clone(),
        start: range.as_ref().map(|(start, _)| *start),
        token: headers.get("authorization").cloned(),
        sent: 0,
    };
    let note = |request: Request| log.lock().unwrap().push(request);
    if manner.silent {
        note(request);
        std::thread::sleep(Duration::from_secs(60));
        return Ok(());
    }
    if let Some(status) = manner.status {
        note(request);
        return write!(
            stream,
            "HTTP/1.1 {status} No\r\nX-Error-Message: said the hub\r\nContent-Length: 0\r\n\r\n"
        );
    }
    let listing = |revision: &str| path == format!("/api/models/{ID}/revision/{revision}");
    if listing("main") || listing(REVISION) {
        note(request);
        let siblings: Vec<_> = files
            .keys()
            .map(|name| json!({"rfilename": name}))
            .collect();
        let body = json!({"id": ID, "sha": REVISION, "siblings": siblings}).to_string();
        let length = body.len();
        return write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
    }
    let resolved = path.strip_prefix(&format!("/{ID}/resolve/{REVISION}/"));
    let cached = path.strip_prefix("/api/resolve-cache/");
    let stored = path.strip_prefix("/stored/");
    let found = resolved.or(cached).or(stored);
    let Some((name, bytes)) = found.and_then(|name| files.get_key_value(name)) else {
        note(request);
        return write!(
            stream,
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    };
    let (etag, size) = (etag(name, bytes), bytes.len());
    let leads = match (resolved, &manner.elsewhere, is_large(name)) {
        (Some(_), Some(address), true) => Some(format!("{address}/stored/{name}")),
        (Some(_), _, false) => Some(format!("/api/resolve-cache/{name}")),
        _ => None,
    };
    if let Some(location) = leads {
        note(request);
        return write!(
            stream,
            "HTTP/1.1 302 Found\r\nLocation: {location}\r\nX-Linked-Etag: \"{etag}\"\r\nX-Linked-Size: {size}\r\n\
             X-Repo-Commit: {REVISION}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    let (start, end) = match range {
        Some(_) if is_probe => (0, 1),
        Some((start, _)) if !manner.no_ranges => (start, size),
        _ => (0, size),
    };
    let mut body = bytes[start..end].to_vec();
    let mut announced = Some(body.len());
    if !is_probe && is_large(name) {
        if manner.garbled {
            *body.last_mut().unwrap() ^= 1;
        }
        if manner.short {
            (announced, _) = (None, body.truncate(body.len() / 2));
        }
        if manner.long {
            body.extend(b"more");
            announced = Some(body.len());
        }
        if let Some(after) = manner.cut {
            body.truncate(after);
            shared.lock().unwrap().dead = true;
        }
    }
    let partial = is_probe || (request.start.is_some() && !manner.no_ranges);
    request.sent = if is_probe { 0 } else { body.len() };
    note(request);
    let mut head = match partial {
        true => format!(
            "HTTP/1.1 206 Partial\r\nContent-Range: bytes {start}-{}/{size}\r\n",
            end - 1
        ),
        false => "HTTP/1.1 200 OK\r\n".to_owned(),
    };
    if let Some(length) = announced {
        head += &format!("Content-Length: {length}\r\n");
    }
    write!(
        stream,
        "{head}ETag: \"{etag}\"\r\nX-Repo-Commit: {REVISION}\r\nConnection: close\r\n\r\n"
    )?;
    if manner.slow && is_large(name) {
        for chunk in body.chunks(4096) {
            stream.write_all(chunk)?;
            std::thread::sleep(Duration::from_millis(100));
        }
        return Ok(());
    }
    stream.write_all(&body)
}
