//! Data as a user meets it: specifications, files, faults, pictures and tokenizers.

mod data {
    mod cli;
    mod faults;
    mod files;
    mod pixels;
    mod prepare;
    mod real;
    mod support;
}
