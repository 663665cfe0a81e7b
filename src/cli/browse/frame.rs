//! What is to be seen: all that drawing needs to know.

/// One picture of the browser.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Where one is.
    pub title: String,
    /// The rows that fit, from the first that is shown.
    pub rows: Vec<Row>,
    /// Beside the rows, where there is space; nothing where all of it belongs to the rows.
    pub details: Vec<String>,
    /// What happened last, or where in the list one is.
    pub status: String,
    /// What is being typed.
    pub prompt: Option<String>,
    /// The keys that matter here.
    pub keys: &'static str,
    /// In front of everything.
    pub overlay: &'static [&'static str],
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Row {
    pub text: String,
    pub look: Look,
    pub is_chosen: bool,
    pub is_marked: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    #[default]
    Plain,
    Folder,
    Faint,
}

impl Row {
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}
