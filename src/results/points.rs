//! From summed statistics to points, by metric key.

use crate::metrics;

/// The key under which attribute accuracy stands among the metrics. Its statistics are the attributes that a caption
/// gets right and all there are.
pub const ATTRIBUTES: &str = "attribute_accuracy";

/// The score of summed statistics, in points.
pub type Points = Box<dyn Fn(&[f64]) -> f64 + Sync>;

/// How one metric turns summed statistics into points; `None` for a metric that this version does not know.
pub fn points(metric: &str) -> Option<Points> {
    if metric == ATTRIBUTES {
        return Some(Box::new(|sums| match sums {
            [right, total] => 100.0 * right / total,
            _ => f64::NAN,
        }));
    }
    let metric = metrics::metric(metric)?;
    Some(Box::new(|sums| metric.points_factor() * metric.score(sums)))
}

/// The number of statistics of a caption under a metric; `None` for one that this version does not know.
pub fn width(metric: &str) -> Option<usize> {
    match metric {
        ATTRIBUTES => Some(2),
        _ => metrics::metric(metric).map(|metric| metric.width()),
    }
}
