//! Handlers and hooks behind `#[cfg]`.
//!
//! A macro sees them before the compiler decides. So the first such method splits the impl in two, one with it and one
//! without, of which one is then left.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, ImplItem, ItemImpl, Meta};

use super::parse::is_ours;

pub(super) fn split(args: &TokenStream, block: &ItemImpl) -> Option<TokenStream> {
    let is_cfg = |attr: &Attribute| attr.path().is_ident("cfg");
    let (index, condition) = block.items.iter().enumerate().find_map(|(index, item)| match item {
        ImplItem::Fn(method) if is_ours(method) => Some((index, method.attrs.iter().position(is_cfg)?)),
        _ => None,
    })?;
    let (mut with, mut without) = (block.clone(), block.clone());
    without.items.remove(index);
    let ImplItem::Fn(method) = &mut with.items[index] else { return None };
    let Meta::List(condition) = method.attrs.remove(condition).meta else { return None };
    let condition = condition.tokens;
    Some(quote! {
        #[cfg(#condition)]
        #[::casty::actor(#args)]
        #with
        #[cfg(not(#condition))]
        #[::casty::actor(#args)]
        #without
    })
}
