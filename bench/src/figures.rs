//! From samples to figures: medians over rounds, and ratios within a round.

use crate::results::{Results, Sample};

/// The runs of one peer that count.
pub struct Runs<'a>(Vec<&'a Sample>);

impl<'a> Runs<'a> {
    /// Of this peer in this case; `None` if it did not run.
    pub fn of(results: &'a Results, case: &str, peer: &str) -> Option<Runs<'a>> {
        let counts = |s: &&Sample| s.round > 0 && s.case == case && s.peer == peer;
        let runs: Vec<_> = results.samples.iter().filter(counts).collect();
        (!runs.is_empty()).then_some(Runs(runs))
    }

    /// The median of a figure.
    pub fn median(&self, figure: impl Fn(&Sample) -> f64) -> f64 {
        median(self.0.iter().map(|sample| figure(sample)).collect())
    }

    /// Shortest and longest time.
    pub fn range(&self) -> (f64, f64) {
        let seconds = || self.0.iter().map(|sample| sample.seconds);
        (seconds().fold(f64::INFINITY, f64::min), seconds().fold(0.0, f64::max))
    }

    /// The most of a figure.
    pub fn most(&self, figure: impl Fn(&Sample) -> i64) -> i64 {
        self.0.iter().map(|sample| figure(sample)).max().unwrap_or(0)
    }

    /// Millions of bytes of newline-delimited text a second, at the median time.
    pub fn speed(&self) -> f64 {
        self.0[0].bytes as f64 / 1e6 / self.median(|sample| sample.seconds)
    }

    /// How often the time of these goes into the time of others, for as many bytes:
    /// the median over the rounds of both.
    pub fn faster_than(&self, others: &Runs<'_>) -> Option<f64> {
        let ratios: Vec<f64> = self
            .0
            .iter()
            .filter_map(|own| {
                let other = others.0.iter().find(|other| other.round == own.round)?;
                Some(other.seconds / own.seconds * own.bytes as f64 / other.bytes as f64)
            })
            .collect();
        (!ratios.is_empty()).then(|| median(ratios))
    }
}

/// The number in the middle, or between the two in the middle.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    if figures.len() % 2 == 1 { figures[middle] } else { (figures[middle - 1] + figures[middle]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
    }
}
