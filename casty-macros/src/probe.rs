//! Questions about types, left to the compiler and asked at the user's span. See `casty::__private::Probe`.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned as _;

/// Demands of the compiler that `answer` is true of `ty`, or else an error with the text of the trait `demand`.
pub(crate) fn demand(ty: &TokenStream, demand: &str, answer: &TokenStream) -> TokenStream {
    let demand = Ident::new(demand, ty.span());
    quote_spanned! {ty.span()=>
        let _: <::casty::__private::Is<{ <::casty::__private::Probe<#ty>>::#answer }> as ::casty::__private::#demand<#ty>>::#demand;
    }
}
