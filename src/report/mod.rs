//! What a study has to say as a document, which is rendered as an HTML page or as text for a terminal.

pub mod document;
mod format;
pub mod html;
pub mod terminal;

pub(crate) use format::duration;
pub(crate) use format::operation;
