use crate::fixture::*;
use weighbridge_experiment::*;
use weighbridge_report::figure::*;

#[test]
fn write_pictures() {
    let Ok(dir) = std::env::var("WEIGHBRIDGE_PICTURES") else { return };
    let mut shapes = vec![("mixed", mixed())];
    let long: Vec<Place> = (0..8).map(|i| Place::new(&format!("environment-with-a-long-name_number-{i}.x"), EnvironmentKind::ALL[i % 2], 10_f64.powf(i as f64 / 3.0))).collect();
    let works: Vec<Work> = (0..3).map(|i| Work::new(&format!("workload-{i}"), ApplicationName::Derain, 0.002 * 30_f64.powi(i), 3)).collect();
    shapes.push(("many", run(&long, &works, 50)));
    shapes.push(("one", run(&[Place::new("c", EnvironmentKind::Container, 1.0)], &[Work::new("derain", ApplicationName::Derain, 200.0, 1)], 1)));
    for (name, record) in shapes {
        let report = report(&record);
        for id in ids() {
            match draw(id, &record, &report) {
                Ok(figure) => match figure.body {
                    FigureBody::Drawing(svg) => {
                        std::fs::write(format!("{dir}/{name}-{id}.png"), png(&svg, 1.0).unwrap()).unwrap();
                        std::fs::write(format!("{dir}/{name}-{id}.svg"), svg.standalone()).unwrap();
                    }
                    FigureBody::Table(table) => print!("{}", table.text()),
                },
                Err(error) => println!("{error}"),
            }
        }
        std::fs::write(format!("{dir}/{name}.html"), weighbridge_report::render::html(&report, &record)).unwrap();
        print!("{}", weighbridge_report::render::table(&report, 100, false));
        print!("{}", weighbridge_report::render::table(&report, 80, false));
    }
}
