//! What a macro can see of types: their tokens.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    PathSegment, ReturnType, Signature, Type, TypeReference,
    spanned::Spanned as _,
    visit::{self, Visit},
};

/// The last segment of a path type; `Context<Self>` of `casty::Context<Self>`.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

/// Whether the last segment of a path type is `name`.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

/// Whether `ty` holds a reference, so that serde can encode it but never decode it.
pub(crate) fn borrows(ty: &Type) -> bool {
    struct Search(bool);

    impl<'ast> Visit<'ast> for Search {
        fn visit_type_reference(&mut self, _: &'ast TypeReference) {
            self.0 = true;
        }

        fn visit_path_segment(&mut self, segment: &'ast PathSegment) {
            // It holds nothing, whatever it names.
            if segment.ident != "PhantomData" {
                visit::visit_path_segment(self, segment);
            }
        }
    }

    let mut search = Search(false);
    search.visit_type(ty);
    search.0
}

/// Whether `word` occurs anywhere in `tokens`.
pub(crate) fn mentions(tokens: impl ToTokens, word: &Ident) -> bool {
    tokens.into_token_stream().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *word,
        TokenTree::Group(group) => mentions(group.stream(), word),
        _ => false,
    })
}

/// `tokens` with `Self` written out, for use outside of the impl.
pub(crate) fn without_self(tokens: impl ToTokens, itself: &impl ToTokens) -> TokenStream {
    let replace = |token| match token {
        TokenTree::Ident(ident) if ident == "Self" => itself.to_token_stream(),
        TokenTree::Group(group) => {
            let mut replaced = Group::new(group.delimiter(), without_self(group.stream(), itself));
            replaced.set_span(group.span());
            TokenTree::from(replaced).into()
        }
        other => other.into(),
    };
    tokens.into_token_stream().into_iter().flat_map(replace).collect()
}

/// Where the return type stands, or the name if there is none.
pub(crate) fn output(sig: &Signature) -> Span {
    match &sig.output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default => sig.ident.span(),
    }
}

#[cfg(test)]
mod tests {
    use quote::{format_ident, quote};
    use syn::parse_quote;

    use super::*;

    #[test]
    fn self_is_replaced_at_any_depth() {
        let replaced = without_self(quote!(Put<(Self, [Self; 2])>), &quote!(Cache<T>));
        assert_eq!(replaced.to_string(), quote!(Put<(Cache<T>, [Cache<T>; 2])>).to_string());
    }

    #[test]
    fn a_type_is_known_by_its_last_segment() {
        assert!(is_named(&parse_quote!(casty::Context<Self>), "Context"));
        assert!(!is_named(&parse_quote!(&Context<Self>), "Context"));
    }

    #[test]
    fn a_reference_is_found_at_any_depth() {
        assert!(borrows(&parse_quote!(Vec<(u8, Option<&'static str>)>)));
        assert!(!borrows(&parse_quote!((Cow<'static, str>, PhantomData<&'static str>))));
    }

    #[test]
    fn a_word_is_found_within_groups() {
        assert!(mentions(quote!(Option<(u8, Box<Tree>)>), &format_ident!("Tree")));
        assert!(!mentions(quote!(Option<Trees>), &format_ident!("Tree")));
    }
}
