//! Why a handler or a hook did not come to its end.

use std::{any::Any, error::Error, fmt, sync::Arc};

/// What handlers, hooks and `main` return: a value, or a [`Failure`].
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a handler or a hook failed: an error that it returned, or a panic.
///
/// Any error converts into one with `?`, and so does a text: `Err("no luck".into())`. It is the supervisor's
/// business, not the asker's answer; the asker sees [`AskError::Failed`](crate::AskError::Failed). Cheap to clone.
///
/// ```
/// fn parse(text: &str) -> casty::Result<i64> {
///     Ok(text.parse::<i64>()?)
/// }
/// assert!(parse("twelve").unwrap_err().to_string().contains("invalid digit"));
/// ```
#[derive(Clone)]
pub struct Failure(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    cause: Cause,
    message_name: Option<Name>,
    message: Option<Arc<dyn Any + Send + Sync>>,
}

#[derive(Clone)]
enum Cause {
    Error(Arc<dyn Error + Send + Sync>),
    Panic(Arc<str>),
}

/// A message's name: of this program, or of another node's.
#[derive(Clone)]
enum Name {
    Here(&'static str),
    Far(Arc<str>),
}

impl Failure {
    /// A failure from what a caught panic carried.
    pub(crate) fn from_panic(payload: &(dyn Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a panic without a text");
        Self(Arc::new(Inner { cause: Cause::Panic(text.into()), message_name: None, message: None }))
    }

    /// The same failure, with the message that was in hand.
    pub(crate) fn with_message(self, name: Option<&'static str>, message: Option<Arc<dyn Any + Send + Sync>>) -> Self {
        let cause = self.0.cause.clone();
        Self(Arc::new(Inner {
            cause,
            message_name: name.map(Name::Here).or_else(|| self.0.message_name.clone()),
            message: message.or_else(|| self.0.message.clone()),
        }))
    }

    /// The message that was being handled, if it is of type `M` and was declared with `#[message(retain)]`.
    ///
    /// ```
    /// use casty::prelude::*;
    ///
    /// #[derive(Clone)]
    /// #[message(retain)]
    /// struct Job(u32);
    ///
    /// #[actor]
    /// struct Worker;
    ///
    /// #[actor]
    /// impl Worker {
    ///     #[handler]
    ///     fn work(&mut self, Job(n): Job) -> casty::Result<()> {
    ///         if n == 0 { Err("no work".into()) } else { Ok(()) }
    ///     }
    ///
    ///     fn pre_restart(&mut self, failure: &Failure) {
    ///         if let Some(Job(n)) = failure.message() {
    ///             println!("job {n} failed: {failure}");
    ///         }
    ///     }
    /// }
    /// ```
    pub fn message<M: crate::Message>(&self) -> Option<&M> {
        self.0.message.as_deref()?.downcast_ref()
    }

    /// The name of the message that was being handled; `None` if a hook or the factory failed.
    pub fn message_name(&self) -> Option<&str> {
        self.0.message_name.as_ref().map(|name| match name {
            Name::Here(name) => name,
            Name::Far(name) => &**name,
        })
    }

    /// Whether it was a panic, and not an error that was returned.
    pub fn is_panic(&self) -> bool {
        matches!(self.0.cause, Cause::Panic(_))
    }

    /// The error that was returned, if it is an `E`.
    ///
    /// ```
    /// let failure = casty::Failure::from("x".parse::<u8>().unwrap_err());
    /// assert!(failure.downcast_ref::<std::num::ParseIntError>().is_some());
    /// ```
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        match &self.0.cause {
            Cause::Error(error) => error.downcast_ref(),
            Cause::Panic(_) => None,
        }
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Arc::new(Inner { cause: Cause::Error(error.into().into()), message_name: None, message: None }))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.cause {
            Cause::Panic(text) => write!(f, "panicked: {text}"),
            Cause::Error(error) => {
                write!(f, "{error}")?;
                let mut source = error.source();
                while let Some(cause) = source {
                    write!(f, ": {cause}")?;
                    source = cause.source();
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure({self})")
    }
}

/// A failure as bytes: its text, and what it happened at. On the other side it reads the same.
pub(crate) mod travelling {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Arc, Cause, Failure, Inner, Name};

    #[derive(Serialize, Deserialize)]
    struct Told {
        panic: bool,
        text: String,
        message: Option<Arc<str>>,
    }

    pub(crate) fn serialize<S: Serializer>(failure: &Failure, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match &failure.0.cause {
            Cause::Panic(text) => text.to_string(),
            Cause::Error(_) => failure.to_string(),
        };
        Told { panic: failure.is_panic(), text, message: failure.message_name().map(Into::into) }.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Failure, D::Error> {
        let Told { panic, text, message } = Told::deserialize(deserializer)?;
        let cause = if panic {
            Cause::Panic(text.into())
        } else {
            let error: Box<dyn super::Error + Send + Sync> = text.into();
            Cause::Error(error.into())
        };
        Ok(Failure(Arc::new(Inner { cause, message_name: message.map(Name::Far), message: None })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn the_text_tells_the_whole_chain_of_causes() {
        let failure = Failure::from(Outer("x".parse::<u8>().unwrap_err()));
        assert_eq!(failure.to_string(), "outer: invalid digit found in string");
        assert!(failure.downcast_ref::<Outer>().is_some() && !failure.is_panic());
    }

    #[test]
    fn a_text_is_an_error_too() {
        assert_eq!(Failure::from("no luck").to_string(), "no luck");
    }
}
