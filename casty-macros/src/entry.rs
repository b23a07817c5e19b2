//! `#[casty::main]` and `#[casty::test]`: an async function with a system of its own.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{FnArg, ItemFn, Signature, spanned::Spanned as _};

use crate::{args::Arguments, errors::Errors, types::is_named};

const MAIN: Arguments = Arguments { attribute: "casty::main", usages: &[] };
const TEST: Arguments = Arguments { attribute: "casty::test", usages: &["virtual_time"] };

pub(crate) fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    if args.to_string() == "distributed" {
        errors.at(args, "`distributed` is not in this version of casty: a system is local");
    } else {
        MAIN.read(args, &mut errors, |_, _| Ok(()));
    }
    let Some(function) = function("casty::main", item.clone(), &mut errors) else {
        let errors = errors.finish();
        return quote!(#errors #item);
    };
    let run = function.call.as_ref().map(|call| quote!(::casty::__private::run_main(#call)));
    let result = run.is_some().then(|| quote!(-> ::std::process::ExitCode));
    let errors = errors.finish();
    let Function { shell, inner, .. } = function;
    let Shell { attrs, vis, ident } = &shell;
    quote! {
        #errors
        #(#attrs)*
        #vis fn #ident() #result {
            #inner
            #run
        }
    }
}

pub(crate) fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut virtual_time = false;
    TEST.read(args, &mut errors, |_, _| {
        virtual_time = true;
        Ok(())
    });
    let Some(function) = function("casty::test", item.clone(), &mut errors) else {
        let errors = errors.finish();
        return quote!(#errors #item);
    };
    let run = function.call.as_ref().map(|call| quote!(::casty::__private::run_test(#virtual_time, #call);));
    let errors = errors.finish();
    let Function { shell, inner, .. } = function;
    let Shell { attrs, vis, ident } = &shell;
    quote! {
        #errors
        #[::core::prelude::v1::test]
        #(#attrs)*
        #vis fn #ident() {
            #inner
            #run
        }
    }
}

/// The user's function and what is called in its place.
struct Function {
    /// Its attributes, visibility and name, which the function around it takes over.
    shell: Shell,
    /// The function as the user wrote it; async in any case, so that a missing `async` is the only error.
    inner: TokenStream,
    /// A closure from a system to its future, unless something is wrong with the function.
    call: Option<TokenStream>,
}

struct Shell {
    attrs: Vec<syn::Attribute>,
    vis: syn::Visibility,
    ident: syn::Ident,
}

fn function(attribute: &str, item: TokenStream, errors: &mut Errors) -> Option<Function> {
    let Ok(function) = syn::parse2::<ItemFn>(item.clone()) else {
        errors.at(item, format!("`#[{attribute}]` goes on an `async fn`"));
        return None;
    };
    let ItemFn { attrs, vis, mut sig, block, .. } = function;
    let valid = check(attribute, &sig, errors);
    sig.asyncness.get_or_insert_default();
    let ident = sig.ident.clone();
    let call = match sig.inputs.first() {
        _ if !valid => None,
        Some(_) => Some(quote_spanned!(sig.output.span()=> #ident)),
        None => Some(quote_spanned!(sig.output.span()=> |_| #ident())),
    };
    let inner = quote!(#[allow(dead_code, clippy::unused_async)] #sig #block);
    Some(Function { shell: Shell { attrs, vis, ident }, inner, call })
}

fn check(attribute: &str, sig: &Signature, errors: &mut Errors) -> bool {
    let form = format!("`async fn {}(system: ActorSystem)`, or without the parameter", sig.ident);
    let mut valid = true;
    let mut wrong = |tokens: &dyn quote::ToTokens, text: &str| {
        errors.at(tokens, format!("{text}; write {form}"));
        valid = false;
    };
    if sig.asyncness.is_none() {
        wrong(&sig.fn_token, &format!("`#[{attribute}]` needs an `async fn`"));
    }
    if !sig.generics.params.is_empty() {
        wrong(&sig.generics, &format!("`#[{attribute}]` cannot choose type parameters"));
    }
    let mut inputs = sig.inputs.iter();
    if let Some(input) = inputs.next()
        && !matches!(input, FnArg::Typed(system) if is_named(&system.ty, "ActorSystem"))
    {
        wrong(input, &format!("`#[{attribute}]` hands over an `ActorSystem` and nothing else"));
    }
    if let Some(second) = inputs.next() {
        wrong(second, &format!("`#[{attribute}]` hands over one `ActorSystem` and nothing else"));
    }
    valid
}
