//! Money, as whole cents: read exactly, never through a float.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// An amount of money in cents. Below zero it is a withdrawal, or a debt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(i64);

impl Amount {
    /// The largest amount there is.
    pub const MAX: Self = Self(i64::MAX);

    /// An amount of so many cents.
    pub const fn from_cents(cents: i64) -> Self {
        Self(cents)
    }

    /// The sum of two amounts, if it is still an amount.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The amount in cents.
    pub const fn cents(self) -> i64 {
        self.0
    }
}

/// Reads `12`, `12.3` and `12.34`, with a sign or without one.
impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (negative, digits) = match text.as_bytes() {
            [] => return Err(AmountError::Empty),
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) {
            return Err(AmountError::NotANumber);
        }
        let scale = match fraction.len() {
            1 => 10,
            2 => 1,
            _ => return Err(AmountError::Precision),
        };
        let cents = whole
            .parse::<i64>()
            .ok()
            .zip(fraction.parse::<i64>().ok())
            .map(|(whole, fraction)| i128::from(whole) * 100 + i128::from(fraction * scale))
            .ok_or(AmountError::TooLarge)?;
        let cents = if negative { -cents } else { cents };
        i64::try_from(cents).map(Self).map_err(|_| AmountError::TooLarge)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Sum(i128::from(self.0)).fmt(f)
    }
}

/// A sum of amounts, in cents. So wide that no file is long enough to overflow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(i128);

impl Sum {
    /// Adds one amount.
    pub fn add(&mut self, amount: Amount) {
        self.0 += i128::from(amount.0);
    }

    /// This sum without that one.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl FromIterator<Amount> for Sum {
    fn from_iter<I: IntoIterator<Item = Amount>>(amounts: I) -> Self {
        let mut sum = Self::default();
        for amount in amounts {
            sum.add(amount);
        }
        sum
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = self.0.unsigned_abs();
        f.pad_integral(self.0 >= 0, "", &format!("{}.{:02}", cents / 100, cents % 100))
    }
}

/// Why a text is not an amount.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AmountError {
    /// There is nothing there.
    #[error("there is no amount")]
    Empty,
    /// It is something else than digits, a sign and a point.
    #[error("the amount is not a number such as 12.34")]
    NotANumber,
    /// It has fractions of a cent.
    #[error("the amount has more than two digits after the point")]
    Precision,
    /// It does not fit.
    #[error("the amount is too large")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        for (text, cents) in [
            ("12.34", 1_234),
            ("12.3", 1_230),
            ("12", 1_200),
            ("-0.05", -5),
            ("+7.00", 700),
            ("007.10", 710),
            ("92233720368547758.07", i64::MAX),
            ("-92233720368547758.08", i64::MIN),
        ] {
            assert_eq!(text.parse(), Ok(Amount(cents)), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_says_why() {
        for (text, error) in [
            ("", AmountError::Empty),
            ("-", AmountError::NotANumber),
            ("--5", AmountError::NotANumber),
            ("+-5", AmountError::NotANumber),
            (".50", AmountError::NotANumber),
            ("5.", AmountError::NotANumber),
            ("1e3", AmountError::NotANumber),
            ("1 000", AmountError::NotANumber),
            ("1.2.3", AmountError::NotANumber),
            ("٣.٠٠", AmountError::NotANumber),
            ("0.001", AmountError::Precision),
            ("92233720368547758.08", AmountError::TooLarge),
            ("99999999999999999999999999", AmountError::TooLarge),
        ] {
            assert_eq!(text.parse::<Amount>(), Err(error), "{text}");
        }
    }

    #[test]
    fn amounts_are_printed_as_they_are_read() {
        for text in ["0.00", "-0.05", "12.30", "92233720368547758.07", "-92233720368547758.08"] {
            assert_eq!(text.parse::<Amount>().unwrap().to_string(), text);
        }
        assert_eq!(format!("{:>8}|{:<8}|", Amount(-5), Amount(5)), "   -0.05|0.05    |");
    }

    #[test]
    fn a_sum_is_wider_than_an_amount() {
        let sum: Sum = [Amount::MAX, Amount::MAX].into_iter().collect();
        assert_eq!(sum.to_string(), "184467440737095516.14");
        assert_eq!(sum.without(sum), Sum::default());
    }
}
