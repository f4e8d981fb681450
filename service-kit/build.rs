//! Packs the pages that show an OpenAPI document to people: unpacked, their
//! scripts would be a twentieth of a program.

use std::{env, error::Error, fs::File, io::Write, path::PathBuf};

use aide::{redoc::Redoc, swagger::Swagger};
use flate2::{Compression, write::GzEncoder};

const TITLE: &str = "Lectern's API";

/// Where a page finds the document: beside itself, behind whatever prefix.
const DOCUMENT: &str = "openapi.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let out = env::var_os("OUT_DIR").map(PathBuf::from);
    let out = out.ok_or("cargo names no OUT_DIR")?;
    for (name, page) in [
        (
            "swagger-ui",
            Swagger::new(DOCUMENT).with_title(TITLE).html(),
        ),
        ("redoc", Redoc::new(DOCUMENT).with_title(TITLE).html()),
    ] {
        let file = File::create(out.join(name).with_extension("html.gz"))?;
        let mut packed = GzEncoder::new(file, Compression::best());
        packed.write_all(page.as_bytes())?;
        packed.finish()?;
    }
    Ok(())
}
