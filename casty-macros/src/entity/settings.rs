//! The arguments of `#[sharded]` and `#[singleton]`.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, LitBool, LitInt, LitStr, Token, parse::ParseStream};

use super::Kind;
use crate::{
    args::{Arguments, one_of},
    beside, duration,
    errors::Errors,
};

const SHARDED: Arguments = Arguments {
    attribute: "sharded",
    usages: &[
        "name = \"..\"",
        "factor = 3",
        "sync = none | 1 | quorum | all",
        "strict = true",
        "timeout = 5s",
        "passivate_after = 10m",
        "state = custom",
        "durable = memory | disk | fsync",
        "on_loss = refuse | accept",
        "remember = true",
    ],
    elsewhere: &[],
};

const SINGLETON: Arguments = Arguments {
    attribute: "singleton",
    usages: &[
        "name = \"..\"",
        "factor = 3",
        "sync = none | 1 | quorum | all",
        "strict = true",
        "timeout = 5s",
        "state = custom",
        "durable = memory | disk | fsync",
        "on_loss = refuse | accept",
    ],
    elsewhere: &[
        ("passivate_after", "a singleton is always kept active, so it is never put away"),
        ("remember", "a singleton is always kept active, so it comes back without a message anyway"),
    ],
};

/// `EntityConfig::DEFAULT.factor`.
const DEFAULT_FACTOR: u32 = 3;

/// What was given, with the argument's name where it may be wrong; the rest is as in `EntityConfig::DEFAULT`.
#[derive(Default)]
pub(super) struct Settings {
    name: Option<LitStr>,
    factor: Option<(Ident, u32)>,
    sync: Option<(Ident, Sync)>,
    strict: Option<(Ident, bool)>,
    timeout: Option<(Ident, Duration)>,
    passivate_after: Option<(Ident, Duration)>,
    /// The word `custom`, if the user says what is kept.
    pub(super) custom: Option<Ident>,
    durable: Option<Ident>,
    on_loss: Option<Ident>,
    remember: Option<bool>,
}

/// How many backups have a change before it is answered.
#[derive(Clone, Copy)]
enum Sync {
    Of(u32),
    Quorum,
    All,
}

/// Reads the arguments of the attribute that `#[actor]` found.
pub(super) fn parse(kind: Kind, attr: &Attribute, errors: &mut Errors) -> Settings {
    let mut settings = Settings::default();
    let args = beside::arguments(attr, &format!("#[{}(factor = 3)]", kind.attribute()), errors);
    let arguments = if kind == Kind::Sharded { SHARDED } else { SINGLETON };
    arguments.read(args, errors, |argument, input| settings.read(argument, input));
    settings.check(errors)
}

impl Settings {
    fn read(&mut self, argument: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match &*argument.to_string() {
            "name" => self.name = Some(input.parse()?),
            "factor" => self.factor = Some((argument.clone(), input.parse::<LitInt>()?.base10_parse()?)),
            "sync" => self.sync = Some((argument.clone(), Sync::parse(input)?)),
            "strict" => self.strict = Some((argument.clone(), input.parse::<LitBool>()?.value)),
            "timeout" => self.timeout = Some((argument.clone(), duration::read(input)?)),
            "passivate_after" => self.passivate_after = Some((argument.clone(), duration::read(input)?)),
            "state" => self.custom = Some(one_of(input, &["custom"])?),
            "durable" => self.durable = Some(one_of(input, &["memory", "disk", "fsync"])?),
            "on_loss" => self.on_loss = Some(one_of(input, &["refuse", "accept"])?),
            _ => self.remember = Some(input.parse::<LitBool>()?.value),
        }
        Ok(())
    }

    /// Reports what makes no sense, and leaves it out.
    fn check(mut self, errors: &mut Errors) -> Self {
        if let Some(name) = self.name.take_if(|name| name.value().is_empty()) {
            errors.at(name, "the name is empty; leave it out to use the actor's own");
        }
        if let Some((timeout, _)) = self.timeout.take_if(|(_, timeout)| timeout.is_zero()) {
            errors.at(timeout, "`timeout` is how long a change has to be replicated: it must be above zero");
        }
        if let Some((idle, _)) = self.passivate_after.take_if(|(_, idle)| idle.is_zero()) {
            errors.at(idle, "`passivate_after` is how long an entity is idle before it is put away: it must be above zero");
        }
        if let Some((factor, _)) = self.factor.take_if(|(_, factor)| *factor == 0) {
            errors.at(factor, "`factor` counts all copies, the primary's too: it must be 1 or more");
        } else {
            self.check_sync(errors);
        }
        self
    }

    /// Holds `sync` against `factor`, and `strict` against both.
    fn check_sync(&mut self, errors: &mut Errors) {
        let factor = self.factor.as_ref().map_or(DEFAULT_FACTOR, |(_, factor)| *factor);
        let too_many = |(_, sync): &mut (Ident, Sync)| matches!(sync, Sync::Of(count) if *count >= factor);
        if let Some((sync, _)) = self.sync.take_if(too_many) {
            let backups = factor - 1;
            let text = format!(
                "`sync` is at most {backups}: `factor` is {factor} and counts the primary too, which leaves so many backups; \
                 or write `sync = all`"
            );
            errors.at(sync, text);
            return;
        }
        let sync = self.sync.as_ref().map_or(Sync::Of(0), |(_, sync)| *sync);
        if let Some((strict, _)) = self.strict.take_if(|(_, strict)| *strict && sync.backups(factor) == 0) {
            let text = "`strict` refuses changes that fewer backups than `sync` would get, and here `sync` asks for none: \
                        write `sync = quorum` too, or leave `strict` out";
            errors.at(strict, text);
        }
    }

    /// The constant `EntityConfig`.
    pub(super) fn tokens(&self, kind: Kind) -> TokenStream {
        let name = match &self.name {
            Some(name) => name.to_token_stream(),
            None => quote!(<Self as ::casty::__private::Declared>::NAME),
        };
        let singleton = kind == Kind::Singleton;
        let factor = self.factor.iter().map(|(_, factor)| quote!(factor = #factor));
        let sync = self.sync.iter().map(|(_, sync)| {
            let sync = sync.tokens();
            quote!(sync = #sync)
        });
        let flags = [("strict", self.strict.as_ref().map(|(_, strict)| *strict)), ("remember", self.remember)];
        let flags = flags.into_iter().filter_map(|(name, flag)| {
            let name = format_ident!("{name}");
            flag.map(|flag| quote!(#name = #flag))
        });
        let durations = [&self.timeout, &self.passivate_after].into_iter().flatten().map(|(name, given)| {
            let given = duration::tokens(*given);
            quote!(#name = #given)
        });
        let durable = self.durable.iter().map(|word| {
            let word = capitalised(word);
            quote!(durable = ::casty::__private::Durable::#word)
        });
        let on_loss = self.on_loss.iter().map(|word| {
            let word = capitalised(word);
            quote!(on_loss = ::casty::__private::OnLoss::#word)
        });
        let given = factor.chain(sync).chain(flags).chain(durations).chain(durable).chain(on_loss);
        quote!({
            let mut config = ::casty::__private::EntityConfig::DEFAULT;
            config.name = #name;
            config.singleton = #singleton;
            #(config.#given;)*
            config
        })
    }
}

impl Sync {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if let Some(minus) = input.parse::<Option<Token![-]>>()? {
            let count: LitInt = input.parse()?;
            return match count.base10_parse::<u32>() {
                Ok(1) => Ok(Self::All),
                _ => Err(syn::Error::new(minus.span, "below zero there is only -1, which is all backups")),
            };
        }
        if input.peek(LitInt) {
            return Ok(Self::Of(input.parse::<LitInt>()?.base10_parse()?));
        }
        Ok(match &*one_of(input, &["none", "quorum", "all"])?.to_string() {
            "none" => Self::Of(0),
            "quorum" => Self::Quorum,
            _ => Self::All,
        })
    }

    /// How many there are of `factor` copies.
    fn backups(self, factor: u32) -> u32 {
        match self {
            Self::Of(count) => count,
            Self::Quorum => factor / 2,
            Self::All => factor.saturating_sub(1),
        }
    }

    fn tokens(self) -> TokenStream {
        match self {
            Self::Of(count) => quote!(::casty::__private::SyncCount::Of(#count)),
            Self::Quorum => quote!(::casty::__private::SyncCount::Quorum),
            Self::All => quote!(::casty::__private::SyncCount::All),
        }
    }
}

/// The variant for one of our words: `Disk` for `disk`.
fn capitalised(word: &Ident) -> Ident {
    let word = word.to_string();
    let (first, rest) = word.split_at(1);
    format_ident!("{}{rest}", first.to_uppercase())
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn errors(kind: Kind, attr: &Attribute) -> Vec<String> {
        let mut errors = Errors::default();
        let _ = parse(kind, attr, &mut errors);
        errors.texts()
    }

    fn tokens(attr: &Attribute) -> String {
        let mut errors = Errors::default();
        let settings = parse(Kind::Sharded, attr, &mut errors);
        assert_eq!(errors.texts(), Vec::<String>::new());
        settings.tokens(Kind::Sharded).to_string()
    }

    #[test]
    fn what_is_not_given_is_the_default() {
        let expected = quote!({
            let mut config = ::casty::__private::EntityConfig::DEFAULT;
            config.name = <Self as ::casty::__private::Declared>::NAME;
            config.singleton = false;
            config.timeout = ::core::time::Duration::new(2u64, 0u32);
            config
        });
        assert_eq!(tokens(&parse_quote!(#[sharded(timeout = 2s)])), expected.to_string());
    }

    #[test]
    fn each_way_to_write_sync_is_read() {
        let sync = |attr| {
            let tokens = tokens(&attr).replace(' ', "");
            let (_, sync) = tokens.split_once("config.sync=::casty::__private::SyncCount::").expect("it is given");
            sync.split(';').next().unwrap_or_default().to_owned()
        };
        assert_eq!(sync(parse_quote!(#[sharded(sync = none)])), "Of(0u32)");
        assert_eq!(sync(parse_quote!(#[sharded(sync = 2)])), "Of(2u32)");
        assert_eq!(sync(parse_quote!(#[sharded(sync = quorum)])), "Quorum");
        assert_eq!(sync(parse_quote!(#[sharded(sync = all)])), "All");
        assert_eq!(sync(parse_quote!(#[sharded(sync = -1)])), "All");
        assert!(errors(Kind::Sharded, &parse_quote!(#[sharded(sync = -2)]))[0].contains("only -1"));
    }

    #[test]
    fn sync_is_held_against_the_backups_that_there_are() {
        assert!(errors(Kind::Sharded, &parse_quote!(#[sharded(sync = 3)]))[0].contains("`sync` is at most 2"));
        assert!(errors(Kind::Sharded, &parse_quote!(#[sharded(sync = 3, factor = 4)])).is_empty());
        assert!(errors(Kind::Singleton, &parse_quote!(#[singleton(sync = 1, factor = 1)]))[0].contains("at most 0"));
    }

    #[test]
    fn strict_needs_a_backup_to_wait_for() {
        for attr in [
            parse_quote!(#[sharded(strict = true)]),
            parse_quote!(#[sharded(strict = true, sync = none)]),
            parse_quote!(#[sharded(strict = true, sync = quorum, factor = 1)]),
        ] {
            assert!(errors(Kind::Sharded, &attr)[0].contains("write `sync = quorum` too"));
        }
        assert!(errors(Kind::Sharded, &parse_quote!(#[sharded(strict = true, sync = 1)])).is_empty());
        assert!(errors(Kind::Sharded, &parse_quote!(#[sharded(strict = false)])).is_empty());
    }

    #[test]
    fn every_value_out_of_range_is_reported_once() {
        let attr = parse_quote!(#[sharded(name = "", factor = 0, sync = 2, strict = true, timeout = 0s, passivate_after = 0m)]);
        let errors = errors(Kind::Sharded, &attr);
        assert_eq!(errors.len(), 4, "{errors:?}");
    }

    #[test]
    fn a_singleton_says_why_it_takes_less() {
        let errors = errors(Kind::Singleton, &parse_quote!(#[singleton(passivate_after = 1m, remember = true)]));
        assert_eq!(errors.len(), 2);
        assert!(errors.iter().all(|error| error.contains("a singleton is always kept active")), "{errors:?}");
    }
}
