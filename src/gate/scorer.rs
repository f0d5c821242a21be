//! From summed statistics to points, by metric key.

use crate::gate::snapshot::ATTRIBUTES;

/// The score of summed statistics, in points.
pub type Points = Box<dyn Fn(&[f64]) -> f64>;

/// How one metric turns summed statistics into points; `None` for a metric that this version does not know.
///
/// The statistics of attribute accuracy are the attributes that a caption gets right and all there are.
pub fn points(metric: &str) -> Option<Points> {
    if metric == ATTRIBUTES {
        return Some(Box::new(|sums| match sums {
            [right, total] => 100.0 * right / total,
            _ => f64::NAN,
        }));
    }
    None
}
