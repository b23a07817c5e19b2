//! The `Actor` impl: from an item to the handler's call. A plain handler runs at once, without a future.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Generics, spanned::Spanned as _};

use super::{hooks, send_future};
use crate::actor::model::{Actor, Handler, Mode};

pub(super) fn tokens(actor: &Actor) -> TokenStream {
    let (impl_generics, ty_generics, where_clause) = actor.generics.split_for_impl();
    let itself = &actor.itself;
    let asyncs: Vec<_> = actor.handlers.iter().filter(|handler| handler.mode == Mode::Async).collect();
    let futures = asyncs.iter().map(|handler| future(actor, handler));
    let arms = actor.variants().map(|(variant, handler)| {
        let arm = arm(actor, &asyncs, handler);
        quote!(__CastyItem::#variant(__message, __reply) => #arm,)
    });
    let never = actor.never();
    let dispatched = if actor.handlers.is_empty() { never_run(&[]) } else { quote!(match __item { #(#arms)* #never }) };
    let hooks = hooks::tokens(actor);
    let future = send_future(&quote!(::casty::__private::Handled), Span::call_site());
    // `Self::Item` in the signature would ask once more whether this is an actor.
    let members = quote! {
        type Item = __CastyItem #ty_generics;

        fn dispatch<'a>(
            &'a mut self,
            __item: __CastyItem #ty_generics,
            __ctx: &'a mut ::casty::__private::Context<Self>,
        ) -> ::casty::__private::Dispatch<#future> {
            #dispatched
        }

        #hooks
    };
    let actor_impl = quote_spanned! {itself.span()=>
        #[automatically_derived]
        impl #impl_generics ::casty::__private::Actor for #itself #where_clause { #members }
    };
    quote!(#(#futures)* #actor_impl)
}

fn arm(actor: &Actor, asyncs: &[&Handler], handler: &Handler) -> TokenStream {
    match handler.mode {
        Mode::Plain => {
            let call = call(actor, handler, &quote!(self));
            let (out, answer) = answer(handler);
            let done = done(asyncs, &quote!(__answer));
            let begin = begin(handler);
            quote! {{
                __ctx.#begin(&__message);
                let #out = #call;
                let __answer = #answer;
                #done
            }}
        }
        Mode::Async => {
            let place = asyncs.iter().position(|other| other.name == handler.name).unwrap_or_default();
            let future = future_name(handler);
            let future = either(place, asyncs.len(), quote!(#future(self, __message, __reply, __ctx)));
            quote!(::casty::__private::Dispatch::Pending(#future))
        }
        Mode::Broken => never_run(asyncs),
    }
}

/// `Dispatch::Done`, with the type of the futures where no async handler tells it.
fn done(asyncs: &[&Handler], handled: &TokenStream) -> TokenStream {
    let future = asyncs.is_empty().then(|| quote!(::<::core::future::Ready<::casty::__private::Handled>>));
    quote!(::casty::__private::Dispatch #future ::Done(#handled))
}

/// What stands where no message ever comes: in an actor without handlers, or in one that does not compile anyway.
fn never_run(asyncs: &[&Handler]) -> TokenStream {
    done(asyncs, &quote!(::core::result::Result::Ok(())))
}

/// The future of one async handler. It has a function of its own, so that one that is not `Send` is reported once, at
/// the handler's name.
fn future(actor: &Actor, handler: &Handler) -> TokenStream {
    let Generics { params, where_clause, .. } = &actor.generics;
    let (itself, message, name) = (&actor.itself, handler.inbound(), future_name(handler));
    let output = send_future(&quote!(::casty::__private::Handled), handler.name.span());
    let call = call(actor, handler, &quote!(__actor));
    let (out, answer) = answer(handler);
    let begin = begin(handler);
    quote! {
        fn #name<'a, #params>(
            __actor: &'a mut #itself,
            __message: #message,
            __reply: ::casty::__private::ReplyTo<#message>,
            __ctx: &'a mut ::casty::__private::Context<#itself>,
        ) -> #output #where_clause {
            __ctx.#begin(&__message);
            let __future = #call;
            ::casty::__private::map(__future, move |#out| #answer)
        }
    }
}

/// What tells the context of the message in hand.
fn begin(handler: &Handler) -> Ident {
    format_ident!("{}", if handler.reads { "__begin_reading" } else { "__begin" })
}

/// The name for what the handler returns, at its return type, and the answer with it.
fn answer(handler: &Handler) -> (Ident, TokenStream) {
    let (out, message) = (Ident::new("__out", handler.output), handler.inbound());
    let reply = quote!(<#message as ::casty::__private::Message>::Reply);
    let answer = quote!(::casty::__private::IntoReply::<#message, #reply, _>::answer(#out, __reply));
    (out, answer)
}

/// The call of the user's method.
fn call(actor: &Actor, handler: &Handler, receiver: &TokenStream) -> TokenStream {
    let (itself, name, inbound) = (&actor.itself, &handler.name, handler.inbound_trait());
    let ctx = handler.takes_ctx.then(|| quote!(, __ctx));
    quote!(<#itself>::#name(#receiver, #inbound::open(__message) #ctx))
}

fn future_name(handler: &Handler) -> Ident {
    format_ident!("__casty_{}", handler.name, span = Span::call_site())
}

/// Number `place` of `count` futures as one type: a balanced tree of `Either`.
fn either(place: usize, count: usize, future: TokenStream) -> TokenStream {
    if count <= 1 {
        return future;
    }
    let left = count / 2;
    if place < left {
        let future = either(place, left, future);
        quote!(::casty::__private::Either::Left(#future))
    } else {
        let future = either(place - left, count - left, future);
        quote!(::casty::__private::Either::Right(#future))
    }
}
