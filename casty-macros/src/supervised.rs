//! `#[supervised]`: what happens to an actor that fails, and to its children when one of them does.
//!
//! Read by `#[actor]`.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Attribute, LitFloat, LitInt, parse::ParseStream};

use crate::{
    args::{Arguments, one_of},
    beside, duration,
    errors::Errors,
};

const ARGUMENTS: Arguments = Arguments {
    attribute: "supervised",
    usages: &[
        "strategy = Restart | Stop | Escalate",
        "children = OneForOne | OneForAll | RestForOne",
        "max_restarts = 3",
        "within = 60s",
        "backoff_initial = 100ms",
        "backoff_max = 30s",
        "backoff_multiplier = 2.0",
    ],
    elsewhere: &[],
};

/// `backoff_initial` and `backoff_max` of `SupervisorConfig::DEFAULT`.
const DEFAULT_BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// What was given; the rest is as in `SupervisorConfig::DEFAULT`.
#[derive(Default)]
pub(crate) struct Supervision {
    strategy: Option<Ident>,
    children: Option<Ident>,
    max_restarts: Option<u32>,
    within: Option<(Ident, Duration)>,
    backoff_initial: Option<(Ident, Duration)>,
    backoff_max: Option<(Ident, Duration)>,
    backoff_multiplier: Option<(Ident, f64)>,
}

/// Reads the arguments of the attribute that `#[actor]` found.
pub(crate) fn parse(attr: &Attribute, errors: &mut Errors) -> Supervision {
    let mut supervision = Supervision::default();
    let args = beside::arguments(attr, "#[supervised(max_restarts = 3)]", errors);
    ARGUMENTS.read(args, errors, |argument, input| supervision.read(argument, input));
    supervision.check(errors)
}

impl Supervision {
    fn read(&mut self, argument: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match &*argument.to_string() {
            "strategy" => self.strategy = Some(one_of(input, &["Restart", "Stop", "Escalate"])?),
            "children" => self.children = Some(one_of(input, &["OneForOne", "OneForAll", "RestForOne"])?),
            "max_restarts" => self.max_restarts = Some(input.parse::<LitInt>()?.base10_parse()?),
            "within" => self.within = Some((argument.clone(), duration::read(input)?)),
            "backoff_initial" => self.backoff_initial = Some((argument.clone(), duration::read(input)?)),
            "backoff_max" => self.backoff_max = Some((argument.clone(), duration::read(input)?)),
            _ => self.backoff_multiplier = Some((argument.clone(), number(input)?)),
        }
        Ok(())
    }

    /// Reports what makes no sense, and leaves it out.
    fn check(mut self, errors: &mut Errors) -> Self {
        if let Some((within, _)) = self.within.take_if(|(_, within)| within.is_zero()) {
            errors.at(within, "`within` is the time in which restarts are counted: it must be above zero");
        }
        if let Some((multiplier, _)) = self.backoff_multiplier.take_if(|(_, multiplier)| *multiplier < 1.0) {
            errors.at(multiplier, "`backoff_multiplier` must be 1.0 or more: each wait is that many times the one before");
        }
        let initial = self.backoff_initial.as_ref().map_or(DEFAULT_BACKOFF.0, |(_, initial)| *initial);
        let max = self.backoff_max.as_ref().map_or(DEFAULT_BACKOFF.1, |(_, max)| *max);
        if max < initial
            && let Some((name, _)) = self.backoff_max.take().or_else(|| self.backoff_initial.take())
        {
            let text = format!("`backoff_max` is {max:?}, shorter than `backoff_initial`, which is {initial:?}");
            errors.at(name, text);
        }
        self
    }

    /// The constant `SupervisorConfig`.
    pub(crate) fn tokens(&self) -> TokenStream {
        let strategy = self.strategy.iter().map(|word| quote!(strategy = ::casty::__private::Directive::#word));
        let children = self.children.iter().map(|word| quote!(children = ::casty::__private::Children::#word));
        let max_restarts = self.max_restarts.iter().map(|count| quote!(max_restarts = #count));
        let multiplier = self.backoff_multiplier.iter().map(|(name, factor)| quote!(#name = #factor));
        let durations = [&self.within, &self.backoff_initial, &self.backoff_max].into_iter().flatten();
        let durations = durations.map(|(name, given)| {
            let given = duration::tokens(*given);
            quote!(#name = #given)
        });
        let given: Vec<_> = strategy.chain(children).chain(max_restarts).chain(durations).chain(multiplier).collect();
        if given.is_empty() {
            return quote!(::casty::__private::SupervisorConfig::DEFAULT);
        }
        quote!({
            let mut config = ::casty::__private::SupervisorConfig::DEFAULT;
            #(config.#given;)*
            config
        })
    }
}

fn number(input: ParseStream<'_>) -> syn::Result<f64> {
    if input.peek(LitInt) { input.parse::<LitInt>()?.base10_parse() } else { input.parse::<LitFloat>()?.base10_parse() }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn errors(attr: &Attribute) -> Vec<String> {
        let mut errors = Errors::default();
        let _ = parse(attr, &mut errors);
        errors.texts()
    }

    #[test]
    fn what_is_not_given_is_the_default() {
        let supervision = parse(&parse_quote!(#[supervised(within = 5s)]), &mut Errors::default());
        let expected = quote!({
            let mut config = ::casty::__private::SupervisorConfig::DEFAULT;
            config.within = ::core::time::Duration::new(5u64, 0u32);
            config
        });
        assert_eq!(supervision.tokens().to_string(), expected.to_string());
    }

    #[test]
    fn every_value_out_of_range_is_reported() {
        let attr = parse_quote!(#[supervised(within = 0s, backoff_multiplier = 0.5, backoff_max = 1ms, max_restarts = -1)]);
        let errors = errors(&attr);
        assert_eq!(errors.len(), 4, "{errors:?}");
        assert!(
            errors.iter().any(|error| error.contains("`backoff_max` is 1ms, shorter than `backoff_initial`, which is 100ms"))
        );
    }

    #[test]
    fn the_initial_backoff_is_held_against_the_default_longest() {
        assert!(errors(&parse_quote!(#[supervised(backoff_initial = 1m)]))[0].contains("`backoff_max` is 30s"));
        assert!(errors(&parse_quote!(#[supervised(backoff_initial = 1m, backoff_max = 2m)])).is_empty());
    }
}
