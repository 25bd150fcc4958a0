//! Drawn next.
use super::{Drawn, FigureBody};
use crate::analysis::Report;
use weighbridge_experiment::RunRecord;
pub(super) fn draw(_: &RunRecord, _: &Report) -> Result<Drawn, String> {
    Ok(Drawn { title: String::new(), caption: String::new(), body: FigureBody::Drawing(super::Svg::new(1.0, 1.0)) })
}
