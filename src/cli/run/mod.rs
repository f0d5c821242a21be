//! `bench run`: train, caption, score, report.

mod architecture;
mod cell;
mod estimate;
mod floors;
mod prepare;
mod probes;
mod scoring;

use std::time::Instant;

use super::args::RunArgs;
use super::plan::RunPlan;
use super::pretrained::HubArgs;
use super::{interrupt, pictures, pretrained};
use crate::data::near;
use crate::nn::Workers;
use crate::recipe::{self, Cell};
use crate::report::{self, ReportData, RunData};
use crate::results::schema::{RunStamp, SCHEMA};
use crate::results::store::RunDir;
use crate::{Error, Result};
use prepare::Prepared;

pub use architecture::model_config;
pub use prepare::{specials, tokenizer};
pub use scoring::score_cases;

/// Runs the verb.
///
/// # Errors
/// [`Error::Input`] for bad flags, recipes, data or an `--out` of another recipe; [`Error::Interrupted`]
/// after Ctrl-C; [`Error::Failed`] if a training diverges or a file cannot be written.
pub fn run(args: RunArgs) -> Result<()> {
    let started = Instant::now();
    let named = args.out.is_some();
    let mut plan = RunPlan::resolve(args)?;
    interrupt::flag();
    if !named && !plan.resume {
        plan.out = free_folder(plan.out);
    }
    refuse_folder(&plan)?;
    fetch_pretrained(&plan)?;
    let workers = Workers::new(plan.threads)?;
    let prepared = Prepared::open(&plan, &workers)?;
    let run = open_run(&plan, &prepared)?;

    let scoring = floors::write(&prepared, &run, &plan.recipe)?;
    let mut left = Vec::with_capacity(plan.cells.len());
    for cell in &plan.cells {
        if !run.cell(&cell.name)?.is_done() {
            left.push(cell);
        }
    }
    estimate::announce(&plan, &left, &prepared, &workers, scoring)?;
    for (index, cell) in plan.cells.iter().enumerate() {
        let folder = run.cell(&cell.name)?;
        if folder.is_done() {
            eprintln!("{}: done before", cell.label);
            continue;
        }
        let left = plan.cells.len() - index;
        let limit = plan.limit.map(|limit| {
            limit
                .saturating_sub(started.elapsed())
                .mul_f64(cell::TRAINING_SHARE)
                / left as u32
        });
        cell::run(cell, &prepared, &folder, limit, &workers, &plan.compute)?;
        interrupt::check("finished cells are saved; --resume goes on")?;
    }
    pictures::say_replaced(&prepared.images);
    write_report(&run, &prepared)
}

/// Seconds that a run of a recipe takes on this machine, its data opened and its models measured.
///
/// # Errors
/// Those of the recipe, its data and its models.
pub fn estimated(
    recipe: &str,
    data: Option<String>,
    threads: Option<usize>,
    hub: HubArgs,
) -> Result<f64> {
    let started = Instant::now();
    let args = RunArgs::of(recipe, data, threads, hub);
    let plan = RunPlan::resolve(args)?;
    fetch_pretrained(&plan)?;
    let workers = Workers::new(plan.threads)?;
    let prepared = Prepared::open(&plan, &workers)?;
    let cells: Vec<&Cell> = plan.cells.iter().collect();
    let scoring = estimate::time_scoring(&plan.recipe, &prepared)?;
    let floors = floors::CELLS.len() as f64 * scoring;
    let later = estimate::seconds(&cells, &prepared, &workers, Some(scoring))?;
    // A run opens its data and measures its models as this has done.
    Ok(started.elapsed().as_secs_f64() + floors + later)
}

/// Has the pretrained models of a plan there, and refuses those that do not fit.
fn fetch_pretrained(plan: &RunPlan) -> Result<()> {
    let variants: Vec<_> = plan.cells.iter().map(|cell| cell.variant).collect();
    pretrained::fetch(&architecture::pretrained(&plan.recipe, &variants), plan.hub)?;
    for cell in &plan.cells {
        architecture::check_pretrained(&cell.recipe, cell.variant)?;
    }
    Ok(())
}

/// The default folder, or the first numbered one beside it that is free.
fn free_folder(folder: std::path::PathBuf) -> std::path::PathBuf {
    if !folder.exists() {
        return folder;
    }
    let numbered = |n: usize| {
        let mut name = folder.clone().into_os_string();
        name.push(format!("-{n}"));
        std::path::PathBuf::from(name)
    };
    (2..)
        .map(numbered)
        .find(|path| !path.exists())
        .unwrap_or(folder)
}

/// Refuses a folder that is there already, unless its run is to go on.
fn refuse_folder(plan: &RunPlan) -> Result<()> {
    if !plan.out.join("run.json").exists() {
        return Ok(());
    }
    let there = RunDir::open(&plan.out)?;
    let hash = recipe::fingerprint(&plan.recipe);
    if there.stamp().recipe_hash != hash {
        return Err(Error::input(format!(
            "--out {}: belongs to another recipe ({}, this one is {}); name another folder",
            plan.out.display(),
            &there.stamp().recipe_hash[..8.min(there.stamp().recipe_hash.len())],
            &hash[..8]
        )));
    }
    if !plan.resume {
        return Err(Error::input(format!(
            "--out {}: this run is there already; --resume goes on with it",
            plan.out.display()
        )));
    }
    Ok(())
}

fn open_run(plan: &RunPlan, prepared: &Prepared) -> Result<RunDir> {
    let name = plan.out.file_name().map_or_else(
        || plan.recipe.name.clone(),
        |name| name.to_string_lossy().into_owned(),
    );
    let dataset = &prepared.dataset;
    let alike = near::across_stores(dataset, &prepared.images, prepared.threads)?;
    let leaks = near::notes(dataset, &alike);
    for leak in &leaks {
        eprintln!("note: {leak}");
    }
    let floors = floors::CELLS.iter().map(|floor| floor.name.to_string());
    let cells = plan.cells.iter().map(|cell| cell.name.clone());
    let started = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let stamp = RunStamp {
        schema: SCHEMA,
        name,
        recipe_hash: recipe::fingerprint(&plan.recipe),
        version: env!("CARGO_PKG_VERSION").into(),
        data: plan.recipe.data.spec.clone(),
        data_fingerprint: prepared.dataset.fingerprint.clone(),
        pictures: [
            prepared.dataset.train.len(),
            prepared.dataset.validation.len(),
            prepared.dataset.test.len(),
        ],
        cells: floors.chain(cells).collect(),
        started_unix: started,
        notes: prepared
            .dataset
            .notes
            .iter()
            .cloned()
            .chain(leaks)
            .collect(),
    };
    let text = toml::to_string(&plan.recipe)
        .map_err(|e| Error::failed(format!("cannot write the recipe: {e}")))?;
    RunDir::create(&plan.out, &stamp, &text)
}

fn write_report(run: &RunDir, prepared: &Prepared) -> Result<()> {
    let test = &prepared.dataset.test;
    let ids = report::gallery_ids(test.iter().map(|e| e.image_id), report::GALLERY_PICTURES);
    report::save_gallery(run.path(), &ids, |id| {
        let example = test
            .iter()
            .find(|example| example.image_id == id)
            .ok_or_else(|| Error::failed(format!("picture {id} is not in the test split")))?;
        crate::data::picture_png(example, 320)
    })?;
    let data: ReportData = RunData::open(run.path())?.into();
    let html = report::write(&data, &run.report_path())?;
    print!("{}", report::terminal(&data));
    println!("\nreport: {}", html.display());
    Ok(())
}
