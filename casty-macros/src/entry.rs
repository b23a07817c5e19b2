//! `#[casty::main]` and `#[casty::test]`: an async function with a system of its own.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, FnArg, ItemFn, Signature, Visibility};

use crate::{
    args::Arguments,
    distributed,
    errors::Errors,
    types::{is_named, output},
};

const MAIN: &str = "casty::main";
const TEST: Arguments = Arguments { attribute: "casty::test", usages: &["virtual_time"], elsewhere: &[] };

pub(crate) fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let node = distributed::read(args, &mut errors);
    let generated = match Function::parse(MAIN, item, &mut errors) {
        Ok(function) => {
            let run = match node {
                Some(node) => function.run("run_distributed_main", &quote!(#node,)),
                None => function.run("run_main", &TokenStream::new()),
            };
            let returns = run.is_some().then(|| quote!(-> ::std::process::ExitCode));
            function.around(&TokenStream::new(), &quote!(#returns), &quote!(#run))
        }
        Err(item) => item,
    };
    let errors = errors.finish();
    quote!(#errors #generated)
}

pub(crate) fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut virtual_time = false;
    TEST.read(args, &mut errors, |_, _| {
        virtual_time = true;
        Ok(())
    });
    let generated = match Function::parse(TEST.attribute, item, &mut errors) {
        Ok(function) => {
            let run = function.run("run_test", &quote!(#virtual_time,));
            function.around(&quote!(#[::core::prelude::v1::test]), &TokenStream::new(), &quote!(#run;))
        }
        Err(item) => item,
    };
    let errors = errors.finish();
    quote!(#errors #generated)
}

/// The user's function, which goes into a plain one of the same name.
struct Function {
    /// For the function around it.
    attrs: Vec<Attribute>,
    vis: Visibility,
    ident: Ident,
    /// As the user wrote it, but async in any case, so that a missing `async` is the only error.
    inner: TokenStream,
    /// Where the return type stands, or the name.
    output: Span,
    takes_system: bool,
    /// Whether it can be called.
    is_right: bool,
}

impl Function {
    /// Gives the item back if it is no function.
    fn parse(attribute: &str, item: TokenStream, errors: &mut Errors) -> Result<Self, TokenStream> {
        let Ok(ItemFn { attrs, vis, mut sig, block, .. }) = syn::parse2(item.clone()) else {
            errors.at(&item, format!("`#[{attribute}]` goes on an `async fn`"));
            return Err(item);
        };
        let is_right = check(attribute, &sig, errors);
        sig.asyncness.get_or_insert_default();
        Ok(Self {
            inner: quote!(#[allow(dead_code, clippy::unused_async)] #sig #block),
            output: output(&sig),
            takes_system: !sig.inputs.is_empty(),
            attrs,
            vis,
            ident: sig.ident,
            is_right,
        })
    }

    /// The call of `runner` with the function, at the return type, which it makes demands on.
    fn run(&self, runner: &str, before: &TokenStream) -> Option<TokenStream> {
        let (runner, ident) = (format_ident!("{runner}", span = self.output), &self.ident);
        let call = if self.takes_system { quote!(#ident) } else { quote!(|_| #ident()) };
        self.is_right.then(|| quote_spanned!(self.output=> ::casty::__private::#runner(#before #call)))
    }

    fn around(&self, attribute: &TokenStream, returns: &TokenStream, run: &TokenStream) -> TokenStream {
        let Self { attrs, vis, ident, inner, .. } = self;
        quote! {
            #attribute
            #(#attrs)*
            #vis fn #ident() #returns {
                #inner
                #run
            }
        }
    }
}

fn check(attribute: &str, sig: &Signature, errors: &mut Errors) -> bool {
    let form = format!("`async fn {}(system: ActorSystem)`, or without the parameter", sig.ident);
    let mut is_right = true;
    let mut wrong = |tokens: &dyn ToTokens, text: &str| {
        errors.at(tokens, format!("{text}; write {form}"));
        is_right = false;
    };
    if sig.asyncness.is_none() {
        wrong(&sig.fn_token, &format!("`#[{attribute}]` needs an `async fn`"));
    }
    if !sig.generics.params.is_empty() {
        wrong(&sig.generics, &format!("`#[{attribute}]` cannot choose generic parameters"));
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
    is_right
}
