//! In: a compiled `.wasm` and a folder. Out: `urbis_viewer.js`, `urbis_viewer_bg.wasm` and their types in that folder.
//! It never optimises or renames anything: what wasm-bindgen writes is what the page loads.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, folder] = arguments.as_slice() else {
        eprintln!("usage: urbis-bindgen INPUT.wasm OUTPUT_FOLDER");
        return ExitCode::from(2);
    };
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    bindgen.input_path(input).out_name("urbis_viewer").typescript(true);
    match bindgen.web(true).and_then(|web| web.generate(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wasm-bindgen could not process {input}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
