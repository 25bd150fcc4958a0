//! Writes a model with seeded weights to a file, for engines and checkers outside.
//!
//! ```text
//! cargo run -p weighbridge-inference --example write_family -- yolov5n FILE [FORM] [SEED]
//! ```

#![allow(clippy::print_stdout)]

use weighbridge_inference::family::{Form, ModelFamily, SEEDED_NOTICE};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("give a family, a file, and perhaps a form and a seed".into());
    };
    let family = ModelFamily::from_name(&name)?;
    let form = arguments.next().map_or(Ok(Form::Exported), |form| form.parse())?;
    let seed = arguments.next().map_or(Ok(family.default_seed()), |seed| seed.parse())?;
    let model = family.generate(seed, form)?;
    std::fs::write(&file, &model)?;
    let cost = family.cost();
    println!(
        "{file}: {family}, {form}, seed {seed}, {} bytes, {} parameters, {:.3} GFLOPs; {SEEDED_NOTICE}",
        model.len(),
        cost.parameters,
        cost.floating_point_operations() as f64 / 1e9
    );
    Ok(())
}
