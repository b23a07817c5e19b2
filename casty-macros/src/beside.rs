//! The attributes that stand beside `#[actor]` and that it reads: `#[supervised]`, `#[sharded]` and `#[singleton]`.
//!
//! As attributes of their own they only make sure that `#[actor]` gets to see them.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Attribute, DeriveInput, Meta, parse_quote};

use crate::{
    actor::{is_attribute, is_used, strip_fields},
    errors::Errors,
};

/// Moves the attribute behind `#[actor]`, which reads and removes it.
pub(crate) fn expand(attribute: &str, args: &TokenStream, item: &TokenStream) -> TokenStream {
    if is_used(args) {
        return TokenStream::new();
    }
    let mut errors = Errors::default();
    let Ok(mut input) = syn::parse2::<DeriveInput>(item.clone()) else {
        errors.at(item, format!("`#[{attribute}]` goes on the struct of an actor, beside its `#[actor]`"));
        let errors = errors.finish();
        return quote!(#errors #item);
    };
    if let Some(actor) = input.attrs.iter().position(|attr| is_attribute(attr, "actor")) {
        let attribute = Ident::new(attribute, Span::call_site());
        input.attrs.insert(actor + 1, parse_quote!(#[::casty::#attribute(#args)]));
        return quote!(#input);
    }
    let text = format!("`#[{attribute}]` is for actors: put `#[actor]` on `{}` too", input.ident);
    errors.at(&input.ident, text);
    strip_fields(&mut input);
    let errors = errors.finish();
    quote!(#errors #input)
}

/// What stands between the parentheses of an attribute that `#[actor]` found. `form` is how it is written.
pub(crate) fn arguments(attr: &Attribute, form: &str, errors: &mut Errors) -> TokenStream {
    match &attr.meta {
        Meta::Path(_) => TokenStream::new(),
        Meta::List(list) => list.tokens.clone(),
        Meta::NameValue(_) => {
            errors.at(attr, format!("write `{form}`"));
            TokenStream::new()
        }
    }
}
