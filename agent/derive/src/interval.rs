//! Intervals for counts: how far the truth may lie from what sampling saw. Exact where a closed form exists;
//! nothing here is random or approximate beyond the stated precision.

/// A 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// An interval without width: what is known exactly.
    #[must_use]
    pub fn exact(value: f64) -> Self {
        Self { low: value, high: value }
    }

    /// Both ends times a factor that is not negative.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { low: self.low * factor, high: self.high * factor }
    }
}

/// Share of probability left out on each side of a two-sided 95 % interval.
const TAIL: f64 = 0.025;

/// The exact 95 % interval (Garwood 1936) of a Poisson mean of which `count` was observed: half of the 2.5 %
/// quantile of chi-squared with 2n degrees of freedom, and of the 97.5 % quantile with 2n + 2.
#[must_use]
pub fn poisson(count: u64) -> Interval {
    let n = count as f64;
    let low = if count == 0 { 0.0 } else { gamma_quantile(n, TAIL) };
    Interval { low, high: gamma_quantile(n + 1.0, 1.0 - TAIL) }
}

/// The same where the counted come in bursts, so that counts vary `dispersion` times as much as Poisson's: as if so many
/// fewer had been seen, each of which stands for so many. At 1 it is [`poisson`].
#[must_use]
pub fn dispersed(count: u64, dispersion: f64) -> Interval {
    let dispersion = dispersion.max(1.0);
    let n = count as f64 / dispersion;
    let low = if count == 0 { 0.0 } else { gamma_quantile(n, TAIL) };
    Interval { low, high: gamma_quantile(n + 1.0, 1.0 - TAIL) }.times(dispersion)
}

/// Windows from which a variance is told.
const WINDOWS_MIN: usize = 4;
/// How sure it has to be that counts vary more than Poisson's before they are taken to.
const SURE: f64 = 0.95;
/// The 97.5 % quantile of the standard normal distribution.
const NORMAL_SIGMAS: f64 = 1.96;

/// How many times as much as Poisson's do counts vary from window to window, as far as that decides how well their sum is
/// known for the time between the windows too: at least 1. `counts` are by window in order of time; `residuals` are theirs
/// from what is expected of each, or the counts themselves.
///
/// Windows at equal distances know a slow wave better than ones at random would, so the variance is that of successive
/// differences (Wolter 1985, Introduction to Variance Estimation, 8.2, estimator 2), which does not count the wave. It
/// refuses to see bursts in what Poisson's counts do in one case of twenty; told from few windows it is widened by
/// Student's t.
#[must_use]
pub fn dispersion(counts: &[f64], residuals: &[f64]) -> f64 {
    let windows = counts.len().min(residuals.len());
    let mean = counts.iter().sum::<f64>() / windows as f64;
    if windows < WINDOWS_MIN || mean <= 0.0 {
        return 1.0;
    }
    let steps = residuals.windows(2).map(|pair| match pair {
        [a, b] => (b - a) * (b - a),
        _ => 0.0,
    });
    let variance = steps.sum::<f64>() / (2.0 * (windows - 1) as f64);
    let ratio = variance / mean;
    // Its own variance is 3/2 times that of the usual estimator.
    let freedom = (windows - 1) as f64 / 1.5;
    let by_chance = 2.0 * gamma_quantile(freedom / 2.0, SURE) / freedom;
    if ratio <= by_chance { 1.0 } else { ratio * (student_sigmas(freedom) / NORMAL_SIGMAS).powi(2) }
}

/// The 97.5 % quantile of Student's t: the expansion in powers of 1/freedom (Abramowitz and Stegun 26.7.5), within 1 % from
/// two degrees of freedom on.
fn student_sigmas(freedom: f64) -> f64 {
    let f = 1.0 / freedom;
    NORMAL_SIGMAS + f * (2.3722 + f * (2.8225 + f * (2.5558 + f * 1.5895)))
}

/// The largest Poisson mean that gives no event with a probability of 5 %: what can be said, one-sided at
/// 95 %, when nothing was seen.
#[must_use]
pub fn none_seen_at_most() -> f64 {
    -(0.05_f64.ln())
}

/// The probability that a standard normal variable exceeds `z`.
#[must_use]
pub fn normal_above(z: f64) -> f64 {
    let tail = 0.5 * gamma_upper(0.5, z * z / 2.0);
    if z < 0.0 { 1.0 - tail } else { tail }
}

/// Halvings of a bracket: each adds a bit, so this is the full precision of a double.
const BISECTIONS: u32 = 64;

/// The x at which the regularized lower incomplete gamma function of shape `a` reaches `p`.
fn gamma_quantile(a: f64, p: f64) -> f64 {
    // Ten standard deviations and a constant for the small: p lies within (the tails are 2.5 %).
    let (mut low, mut high) = (0.0, a + 10.0 * a.sqrt() + 10.0);
    for _ in 0..BISECTIONS {
        let middle = f64::midpoint(low, high);
        if 1.0 - gamma_upper(a, middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// Terms of the series and of the continued fraction. They converge in about sqrt(a) terms near x = a; counts
/// beyond 10^6 use the normal limit instead.
const TERMS_MAX: u32 = 20_000;

/// Shape from which Wilson and Hilferty's cube root (1931) replaces the series: its relative error there is
/// under 1e-6, far below the width of the interval.
const LARGE_SHAPE: f64 = 1e6;

/// The regularized upper incomplete gamma function Q(a, x): a series below x = a + 1, Lentz's continued
/// fraction above (Abramowitz and Stegun 6.5.29 and 6.5.31).
fn gamma_upper(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if a >= LARGE_SHAPE {
        let nine = 9.0 * a;
        let z = ((x / a).cbrt() - (1.0 - 1.0 / nine)) * nine.sqrt();
        return normal_above(z);
    }
    let scale = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let mut term = 1.0 / a;
        let mut sum = term;
        let mut n = a;
        for _ in 0..TERMS_MAX {
            n += 1.0;
            term *= x / n;
            sum += term;
            if term < sum * f64::EPSILON {
                break;
            }
        }
        return 1.0 - sum * scale;
    }
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for i in 1..TERMS_MAX {
        let i = f64::from(i);
        let numerator = -i * (i - a);
        b += 2.0;
        d = 1.0 / nonzero(numerator * d + b, TINY);
        c = nonzero(b + numerator / c, TINY);
        let factor = d * c;
        fraction *= factor;
        if (factor - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    fraction * scale
}

fn nonzero(x: f64, tiny: f64) -> f64 {
    if x.abs() < tiny { tiny } else { x }
}

/// The logarithm of the gamma function for a positive argument: Stirling's series, after the recurrence has
/// raised the argument to where five terms give full precision.
fn ln_gamma(x: f64) -> f64 {
    let mut shifted = x;
    let mut product = 1.0;
    while shifted < 15.0 {
        product *= shifted;
        shifted += 1.0;
    }
    let inverse = 1.0 / (shifted * shifted);
    let series = (1.0 / 12.0
        - inverse * (1.0 / 360.0 - inverse * (1.0 / 1260.0 - inverse * (1.0 / 1680.0 - inverse / 1188.0))))
        / shifted;
    (shifted - 0.5) * shifted.ln() - shifted + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - product.ln()
}

#[cfg(test)]
mod tests {
    use super::{none_seen_at_most, normal_above, poisson};

    #[track_caller]
    fn close(got: f64, expected: f64, relative: f64) {
        assert!((got - expected).abs() <= relative * expected.abs(), "{got} is not {expected}");
    }

    /// Expected values: `chi2.ppf(.025, 2n)/2` and `chi2.ppf(.975, 2n+2)/2` of scipy 1.17.1.
    #[test]
    fn poisson_intervals_are_garwoods() {
        #[track_caller]
        fn check(count: u64, low: f64, high: f64, relative: f64) {
            let interval = poisson(count);
            close(interval.low, low, relative);
            close(interval.high, high, relative);
        }
        check(0, 0.0, 3.68887945411394, 1e-12);
        check(1, 0.0253178079842899, 5.5716433909389, 1e-12);
        check(2, 0.242209278543965, 7.22468766772396, 1e-12);
        check(5, 1.62348639011842, 11.6683320793227, 1e-12);
        check(10, 4.79538869613243, 18.3903560420178, 1e-12);
        check(100, 81.3639912509231, 121.626793792426, 1e-12);
        check(1000, 938.973018407695, 1063.9521360163, 1e-11);
        check(100_000, 99381.1526637447, 100621.744739744, 1e-10);
        check(3_000_000, 2996606.19004997, 3003396.70482166, 1e-8);
    }

    /// The exact coverage: the probability of all counts whose interval holds the mean.
    #[test]
    fn ninety_five_percent_of_the_intervals_hold_the_truth() {
        for mean in [0.1, 0.5, 1.0, 3.0, 9.2, 30.0, 91.6] {
            let mut probability = f64::exp(-mean);
            let mut covered = 0.0;
            for count in 0..400_u32 {
                let interval = poisson(u64::from(count));
                if interval.low <= mean && mean <= interval.high {
                    covered += probability;
                }
                probability *= mean / f64::from(count + 1);
            }
            assert!((0.95..=1.0).contains(&covered), "{mean}: {covered}");
        }
    }

    #[test]
    fn the_interval_is_in_order_for_any_count_a_profile_can_hold() {
        for count in [1_000_000, 1_000_001, u64::from(u32::MAX), i64::MAX as u64, u64::MAX] {
            let interval = poisson(count);
            assert!(interval.low <= count as f64 && count as f64 <= interval.high, "{count}: {interval:?}");
        }
    }

    /// Expected values: `norm.sf(z)` of scipy 1.17.1.
    #[test]
    fn normal_tails_are_exact_far_out() {
        #[track_caller]
        fn check(z: f64, above: f64) {
            close(normal_above(z), above, 1e-11);
        }
        check(-3.0, 0.99865010196837);
        check(-1.0, 0.841344746068543);
        check(0.0, 0.5);
        check(0.5, 0.308537538725987);
        check(1.96, 0.0249978951482204);
        check(2.326, 0.0100092753408677);
        check(6.0, 9.86587645037695e-10);
        check(10.0, 7.61985302416047e-24);
    }

    #[test]
    fn with_nothing_seen_three_can_be_missed() {
        close((-none_seen_at_most()).exp(), 0.05, 1e-12);
    }
}
