//! `#[actor]`: on a struct it declares an actor, on an impl it makes the methods there handlers and hooks.

mod cfg;
mod check;
mod declaration;
mod fallback;
mod generate;
mod model;
mod parse;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Data, DeriveInput, ImplItemFn, Item, ItemImpl, Path};

use crate::errors::Errors;

const NO_LIFETIMES: &str =
    "an actor owns its state, for it outlives whoever spawns it: no lifetimes, but `String`, `Vec` or `Arc`";

pub(crate) fn expand(args: TokenStream, item: &TokenStream) -> TokenStream {
    match syn::parse2(item.clone()) {
        Ok(Item::Struct(item)) => declaration::expand(args, item.into()),
        Ok(Item::Enum(item)) => declaration::expand(args, item.into()),
        Ok(Item::Impl(block)) => implementation(args, block),
        _ => {
            let mut errors = Errors::default();
            errors.at(item, "`#[actor]` goes on a struct and on its `impl`");
            let errors = errors.finish();
            quote!(#errors #item)
        }
    }
}

fn implementation(args: TokenStream, block: ItemImpl) -> TokenStream {
    if let Some(split) = cfg::split(&args, &block) {
        return split;
    }
    let mut errors = Errors::default();
    let parsed = parse::implementation(args, block, &mut errors);
    let generated = match check::implementation(&parsed, &mut errors) {
        Some(actor) => generate::implementation(&actor),
        None => TokenStream::new(),
    };
    let errors = errors.finish();
    let used = parsed.paths.iter().map(used);
    let block = parsed.block;
    quote!(#errors #block #generated #(#used)*)
}

/// Whether `attr` is ours by its last segment: `#[actor]`, `#[casty::actor]`.
pub(crate) fn is_attribute(attr: &Attribute, name: &str) -> bool {
    attr.path().segments.last().is_some_and(|segment| segment.ident == name)
}

/// Takes the `#[casty(..)]` off the fields.
pub(crate) fn strip_fields(item: &mut DeriveInput) -> Vec<Attribute> {
    let fields: Vec<_> = match &mut item.data {
        Data::Struct(data) => data.fields.iter_mut().collect(),
        Data::Enum(data) => data.variants.iter_mut().flat_map(|variant| &mut variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    let is_ours = |attr: &mut Attribute| attr.path().is_ident("casty");
    fields.into_iter().flat_map(|field| field.attrs.extract_if(.., is_ours).collect::<Vec<_>>()).collect()
}

/// An attribute that we took off is not seen by the compiler. This makes it one that is, so that its import is used.
fn used(path: &Path) -> TokenStream {
    quote!(#[#path(__used)] const _: () = ();)
}

/// Whether the arguments are those that [`used`] gives.
pub(crate) fn is_used(args: &TokenStream) -> bool {
    args.to_string() == "__used"
}

/// `#[handler]` that no `#[actor]` took off.
pub(crate) fn lone_handler(args: &TokenStream, item: &TokenStream) -> TokenStream {
    if is_used(args) {
        return TokenStream::new();
    }
    let mut errors = Errors::default();
    let at = match syn::parse2::<ImplItemFn>(item.clone()) {
        Ok(method) => method.sig.ident.to_token_stream(),
        Err(_) => item.clone(),
    };
    errors.at(at, "`#[handler]` is for the methods of an `#[actor] impl`: put `#[actor]` on the impl that this stands in");
    let errors = errors.finish();
    quote!(#errors #item)
}
