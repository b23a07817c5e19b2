//! Takes our attributes off an impl and says which of its methods are ours.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::{ImplItem, ImplItemFn, ItemImpl, Meta, Path, Signature};

use super::{is_attribute, model::HookKind};
use crate::errors::Errors;

/// An impl without our attributes, and what they said.
pub(super) struct Implementation {
    pub(super) block: ItemImpl,
    pub(super) handlers: Vec<Signature>,
    pub(super) hooks: Vec<(HookKind, Signature)>,
    /// The paths that the user wrote for `#[handler]`.
    pub(super) paths: Vec<Path>,
}

pub(super) fn implementation(args: TokenStream, mut block: ItemImpl, errors: &mut Errors) -> Implementation {
    if !args.is_empty() {
        errors.at(args, "the arguments of `#[actor]` go on the struct; on the impl there are none");
    }
    let (mut handlers, mut hooks, mut paths) = (Vec::new(), Vec::new(), Vec::new());
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let hook = HookKind::of(&method.sig.ident);
        match (strip_handler(method, &mut paths, errors), hook) {
            (true, None) => handlers.push(method.sig.clone()),
            (true, Some(_)) => {
                let name = &method.sig.ident;
                errors.at(name, format!("`{name}` is the name of a lifecycle hook; call this handler something else"));
                handlers.push(method.sig.clone());
            }
            (false, Some(kind)) => hooks.push((kind, method.sig.clone())),
            (false, None) => {}
        }
    }
    Implementation { block, handlers, hooks, paths }
}

/// Whether a method is a handler or a hook.
pub(super) fn is_ours(method: &ImplItemFn) -> bool {
    method.attrs.iter().any(|attr| is_attribute(attr, "handler")) || HookKind::of(&method.sig.ident).is_some()
}

/// Takes `#[handler]` off, and says whether it was there.
fn strip_handler(method: &mut ImplItemFn, paths: &mut Vec<Path>, errors: &mut Errors) -> bool {
    let mut found = false;
    for attr in method.attrs.extract_if(.., |attr| is_attribute(attr, "handler")) {
        if found {
            errors.at(&attr, "`#[handler]` is given twice; leave one of them out");
        }
        if !matches!(attr.meta, Meta::Path(_)) {
            errors.at(&attr, "`#[handler]` takes no arguments; the message is the method's parameter");
        }
        found = true;
        if !paths.iter().any(|path| path.to_token_stream().to_string() == attr.path().to_token_stream().to_string()) {
            paths.push(attr.path().clone());
        }
    }
    found
}
