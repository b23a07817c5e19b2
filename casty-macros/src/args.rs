//! The arguments of our attributes: `flag` or `name = value`, separated by commas.
//!
//! Reads past a mistake, so that the next argument is still looked at. What a value means is the attribute's business.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{
    Token,
    ext::IdentExt as _,
    parse::{ParseStream, Parser as _},
};

use crate::errors::Errors;

/// An attribute and how each of its arguments is written: `local`, `name = ".."`.
pub(crate) struct Arguments {
    pub(crate) attribute: &'static str,
    pub(crate) usages: &'static [&'static str],
    /// What one might look for here, and where it is.
    pub(crate) elsewhere: &'static [(&'static str, &'static str)],
}

impl Arguments {
    /// Calls `read` for each argument that is known and new, with the input behind its `=`.
    pub(crate) fn read(
        &self,
        tokens: TokenStream,
        errors: &mut Errors,
        mut read: impl FnMut(&Ident, ParseStream<'_>) -> syn::Result<()>,
    ) {
        let mut seen = Vec::new();
        let list = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = self.read_one(input, &mut seen, &mut read) {
                    errors.add(error);
                    skip_to_comma(input);
                }
                input.parse::<Option<Token![,]>>()?;
            }
            Ok(())
        };
        if let Err(error) = list.parse2(tokens) {
            errors.add(error);
        }
    }

    fn read_one(
        &self,
        input: ParseStream<'_>,
        seen: &mut Vec<Ident>,
        read: &mut impl FnMut(&Ident, ParseStream<'_>) -> syn::Result<()>,
    ) -> syn::Result<()> {
        let name = input.call(Ident::parse_any).map_err(|error| syn::Error::new(error.span(), self.expected()))?;
        let Some(usage) = self.usages.iter().find(|usage| usage.split(' ').next().is_some_and(|known| name == known)) else {
            let known = self.elsewhere.iter().find(|(known, _)| name == known);
            let what_then = known.map_or_else(|| self.expected(), |(_, place)| (*place).to_owned());
            return Err(syn::Error::new(name.span(), format!("unknown argument `{name}`; {what_then}")));
        };
        if seen.contains(&name) {
            return Err(syn::Error::new(name.span(), format!("`{name}` is given twice; leave one of them out")));
        }
        seen.push(name.clone());
        let missing = || syn::Error::new(name.span(), format!("write `{usage}`"));
        if usage.contains('=') {
            if input.is_empty() {
                return Err(missing());
            }
            input.parse::<Token![=]>().map_err(|error| malformed(usage, &error))?;
            if input.is_empty() {
                return Err(missing());
            }
        }
        read(&name, input).map_err(|error| malformed(usage, &error))?;
        if input.is_empty() || input.peek(Token![,]) {
            Ok(())
        } else {
            Err(syn::Error::new(input.span(), format!("write `{usage}`, and a comma before another argument")))
        }
    }

    fn expected(&self) -> String {
        let usages: Vec<_> = self.usages.iter().map(|usage| format!("`{usage}`")).collect();
        match &*usages {
            [] => format!("`#[{}]` takes no arguments", self.attribute),
            [one] => format!("`#[{}]` takes {one}", self.attribute),
            [most @ .., last] => format!("`#[{}]` takes {} and {last}", self.attribute, most.join(", ")),
        }
    }
}

/// One word of a list, such as `Restart`.
pub(crate) fn one_of(input: ParseStream<'_>, words: &[&str]) -> syn::Result<Ident> {
    let word: Ident = input.parse()?;
    if words.iter().any(|known| word == known) {
        return Ok(word);
    }
    let known: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    let is_not = if known.len() == 1 { "is not" } else { "is none of" };
    Err(syn::Error::new(word.span(), format!("`{word}` {is_not} {}", known.join(", "))))
}

/// How it is written instead, after what our own parsers say; syn's "expected .." helps nobody here.
fn malformed(usage: &str, error: &syn::Error) -> syn::Error {
    let text = error.to_string();
    let reason = if text.starts_with("expected") { String::new() } else { format!("{text}; ") };
    syn::Error::new(error.span(), format!("{reason}write `{usage}`"))
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    const ARGUMENTS: Arguments = Arguments {
        attribute: "thing",
        usages: &["size = 3", "kind = Big | Small", "loud"],
        elsewhere: &[("colour", "colours are for the theme")],
    };

    fn read(tokens: TokenStream) -> (Vec<String>, Vec<String>) {
        let (mut read, mut errors) = (Vec::new(), Errors::default());
        ARGUMENTS.read(tokens, &mut errors, |name, input| {
            read.push(match &*name.to_string() {
                "size" => format!("size {}", input.parse::<syn::LitInt>()?),
                "kind" => format!("kind {}", one_of(input, &["Big", "Small"])?),
                name => name.to_owned(),
            });
            Ok(())
        });
        (read, errors.texts())
    }

    #[test]
    fn flags_and_values_are_read_in_any_order() {
        assert_eq!(read(quote!(loud, size = 7,)).0, ["loud", "size 7"]);
        assert_eq!(read(quote!()), (vec![], vec![]));
    }

    #[test]
    fn every_mistake_is_reported_and_the_rest_is_read() {
        let (read, errors) = read(quote!(sise = 3, size = 1, size = 2, kind = Huge, loud = true));
        assert_eq!(read, ["size 1", "loud"]);
        assert_eq!(
            errors,
            [
                "unknown argument `sise`; `#[thing]` takes `size = 3`, `kind = Big | Small` and `loud`",
                "`size` is given twice; leave one of them out",
                "`Huge` is none of `Big`, `Small`; write `kind = Big | Small`",
                "write `loud`, and a comma before another argument",
            ]
        );
    }

    #[test]
    fn what_belongs_elsewhere_is_said_so() {
        assert_eq!(read(quote!(colour = 3, loud)).1, ["unknown argument `colour`; colours are for the theme"]);
    }

    #[test]
    fn a_value_of_the_wrong_form_shows_the_right_one() {
        assert_eq!(read(quote!(size)).1, ["write `size = 3`"]);
        assert_eq!(read(quote!(size = "three", loud)).1, ["write `size = 3`"]);
        assert_eq!(read(quote!(3)).1, ["`#[thing]` takes `size = 3`, `kind = Big | Small` and `loud`"]);
    }
}
