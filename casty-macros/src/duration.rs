//! Durations as literals: `100ms`, `1.5s`.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Lit, parse::ParseStream};

/// Reads a literal such as `100ms`.
pub(crate) fn read(input: ParseStream<'_>) -> syn::Result<Duration> {
    let literal: Lit = input.parse()?;
    let (digits, suffix) = match &literal {
        Lit::Int(int) => (int.base10_digits(), int.suffix()),
        Lit::Float(float) => (float.base10_digits(), float.suffix()),
        _ => ("", ""),
    };
    let (Ok(number), Some(unit)) = (digits.parse::<f64>(), unit(suffix)) else {
        return Err(syn::Error::new(literal.span(), "a duration is a number with `ns`, `us`, `ms`, `s`, `m` or `h`"));
    };
    Duration::try_from_secs_f64(number * unit.as_secs_f64())
        .map_err(|_| syn::Error::new(literal.span(), "this duration is too long"))
}

/// The expression that makes it, in constants too.
pub(crate) fn tokens(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}

fn unit(suffix: &str) -> Option<Duration> {
    Some(match suffix {
        "ns" => Duration::from_nanos(1),
        "us" => Duration::from_micros(1),
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use syn::parse::Parser as _;

    use super::*;

    fn parse(text: &str) -> Result<Duration, String> {
        read.parse_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn each_unit_is_read() {
        let nanos = |text| parse(text).map(|duration| duration.as_nanos());
        assert_eq!(nanos("7ns"), Ok(7));
        assert_eq!(nanos("7us"), Ok(7_000));
        assert_eq!(nanos("100ms"), Ok(100_000_000));
        assert_eq!(nanos("1_000s"), Ok(1_000_000_000_000));
        assert_eq!(nanos("1.5m"), Ok(90_000_000_000));
        assert_eq!(nanos("2h"), Ok(7_200_000_000_000));
    }

    #[test]
    fn what_is_no_duration_says_so() {
        for text in ["60", "60d", "\"60s\"", "true"] {
            assert!(parse(text).unwrap_err().contains("`ms`"), "{text}");
        }
        assert_eq!(parse("1e30s").unwrap_err(), "this duration is too long");
    }
}
