//! YAML text -> a tree whose nodes know where they stand.
//!
//! Built from the parser's events rather than through serde: serde stops at the first error and forgets where
//! an unknown key stood. Only what a configuration needs is accepted: one document, keys that are plain text,
//! no tags. An alias stands for the node it names, whose place it then has; what aliases expand to is bounded,
//! so that a small file cannot become a large tree.

use crate::excerpt::{Span, quoted};
use crate::report::Report;
use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, StrInput};
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

/// Largest file read, in bytes: a thousand targets written at length take a tenth of it.
pub(crate) const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Most nodes in a tree with its aliases expanded: above what a file of [`FILE_BYTES_MAX`] holds in practice.
const NODES_MAX: usize = 100_000;

/// Deepest nesting: the configuration itself has five levels.
const DEPTH_MAX: usize = 32;

/// One value and where it stands.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) span: Span,
    pub(crate) kind: Kind<'a>,
    /// Nodes in this one and below, aliases expanded.
    weight: usize,
}

#[derive(Debug)]
pub(crate) enum Kind<'a> {
    /// Nothing at all, `~` or `null`.
    Null,
    /// Text, quoted or not.
    Text(Cow<'a, str>),
    /// A sequence.
    List(Vec<Rc<Node<'a>>>),
    /// A mapping, keys in the order of the file, each once.
    Map(Vec<Entry<'a>>),
    /// An alias of nothing, already reported: whoever reads it has nothing to add.
    Unknown,
}

#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) key: Cow<'a, str>,
    pub(crate) key_span: Span,
    pub(crate) value: Rc<Node<'a>>,
}

impl Node<'_> {
    /// What it is, for "found …".
    pub(crate) fn describe(&self, report: &Report<'_>) -> String {
        match &self.kind {
            Kind::Text(_) if report.hides(&self.span) => "a text that is not shown".to_owned(),
            kind => kind.describe(),
        }
    }
}

impl Kind<'_> {
    fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Text(text) if text.is_empty() => "an empty text".to_owned(),
            Self::Text(text) => quoted(text),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a mapping".to_owned(),
            Self::Unknown => "an alias of nothing".to_owned(),
        }
    }
}

/// The tree of `text`; `None` where the text has none that can be read on, which `report` then says.
pub(crate) fn parse<'a>(text: &'a str, report: &mut Report<'_>) -> Option<Node<'a>> {
    if text.len() > FILE_BYTES_MAX {
        let kib = FILE_BYTES_MAX / 1024;
        report.add(&(0..0), "", format!("the file is larger than {kib} KiB"));
        return None;
    }
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        disallow_directives: true,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    let mut builder = Builder {
        parser: Parser::new_from_str_with_options(text, options),
        text,
        nodes: 0,
        anchors: HashMap::new(),
    };
    builder.document(report).ok()
}

/// The text cannot be read on; the report says why.
struct Broken;

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    text: &'a str,
    nodes: usize,
    anchors: HashMap<usize, Rc<Node<'a>>>,
}

impl<'a> Builder<'a> {
    fn document(&mut self, report: &mut Report<'_>) -> Result<Node<'a>, Broken> {
        let mut root = Node { span: 0..0, kind: Kind::Null, weight: 1 };
        let mut documents = 0;
        loop {
            match self.event(report)? {
                (Event::StreamEnd, _) => return Ok(root),
                (Event::DocumentStart(..), span) => {
                    documents += 1;
                    if documents > 1 {
                        report
                            .add(&span, "", "a second document in one file")
                            .label("one file is one document; what follows is not read");
                        return Ok(root);
                    }
                    let first = self.event(report)?;
                    root = Rc::into_inner(self.node(first, report)?).unwrap_or(root);
                }
                _ => {}
            }
        }
    }

    fn event(&mut self, report: &mut Report<'_>) -> Result<(Event<'a>, Span), Broken> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, self.byte(&span.start)..self.byte(&span.end))),
            Some(Err(e)) => {
                self.syntax(&e, report);
                Err(Broken)
            }
            None => Ok((Event::StreamEnd, self.text.len()..self.text.len())),
        }
    }

    fn syntax(&self, e: &ScanError, report: &mut Report<'_>) {
        use ErrorKind::{
            TabAtBlockScalarStart, TabInBlockIndentation, TabInIndentation, TabInPlainScalar, TabNotAllowed,
        };
        let at = self.byte(e.marker());
        self.hide_secrets_at(at, report);
        let message = format!("not YAML: {}", e.kind());
        match e.kind() {
            TabAtBlockScalarStart
            | TabInBlockIndentation
            | TabInIndentation
            | TabInPlainScalar
            | TabNotAllowed => {
                // The parser marks what the tab spoils; the tab itself is what must go.
                let tab = self.text.get(at..).and_then(|rest| rest.find('\t')).map_or(at, |tab| at + tab);
                report.add(&(tab..tab + 1), "", message).label("YAML is indented with spaces");
            }
            _ => {
                report.add(&(at..at), "", message);
            }
        }
    }

    /// Where no tree could be built, what follows the name of a secret in the line that is shown.
    fn hide_secrets_at(&self, at: usize, report: &mut Report<'_>) {
        let start = report.line_start(at);
        let line = self.text.get(start..).unwrap_or("").lines().next().unwrap_or("");
        for (colon, _) in line.match_indices(':') {
            let name = line.get(..colon).unwrap_or("").trim_end_matches(['"', '\'', ' ']);
            let name = name.rsplit(|c: char| c.is_whitespace() || "{[,\"'".contains(c)).next().unwrap_or("");
            if names_a_secret(name) {
                report.hide(&(start + colon + 1..start + line.len()));
                return;
            }
        }
    }

    fn byte(&self, marker: &Marker) -> usize {
        // Input from a `&str` carries byte offsets on all markers; the end of the text is a safe place else.
        marker.byte_offset().unwrap_or(self.text.len())
    }

    fn node(
        &mut self,
        (event, span): (Event<'a>, Span),
        report: &mut Report<'_>,
    ) -> Result<Rc<Node<'a>>, Broken> {
        self.count(1, &span, report)?;
        if let Some(tag) = event.tag() {
            let tag = quoted(&tag.original());
            report.add(&span, "", format!("the tag {tag} is not used here")).label("leave the tag out");
        }
        let anchor = event.anchor_id();
        let (kind, weight) = match event {
            Event::Scalar(text, style, ..) => (scalar(text, style), 1),
            Event::SequenceStart(..) => self.list(report)?,
            Event::MappingStart(..) => self.map(report)?,
            Event::Alias(id) => return self.alias(id, &span, report),
            _ => {
                report.add(&span, "", "this alias names no anchor").label("no such anchor above");
                (Kind::Unknown, 1)
            }
        };
        let node = Rc::new(Node { span, kind, weight });
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        Ok(node)
    }

    fn list(&mut self, report: &mut Report<'_>) -> Result<(Kind<'a>, usize), Broken> {
        let mut items = Vec::new();
        let mut weight = 1;
        loop {
            match self.event(report)? {
                (Event::SequenceEnd, _) => return Ok((Kind::List(items), weight)),
                event => {
                    let item = self.node(event, report)?;
                    weight += item.weight;
                    items.push(item);
                }
            }
        }
    }

    fn map(&mut self, report: &mut Report<'_>) -> Result<(Kind<'a>, usize), Broken> {
        let mut entries: Vec<Entry<'a>> = Vec::new();
        // Finds a repeated key without comparing each with each.
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut weight = 1;
        loop {
            let key = match self.event(report)? {
                (Event::MappingEnd, _) => return Ok((Kind::Map(entries), weight)),
                event => self.node(event, report)?,
            };
            let value = self.event(report)?;
            let value = self.node(value, report)?;
            weight += key.weight + value.weight;
            let name = match &key.kind {
                Kind::Text(name) => name.clone(),
                Kind::Unknown => continue,
                other => {
                    let found = other.describe();
                    report.add(&key.span, "", format!("a key must be text, found {found}"));
                    continue;
                }
            };
            if let Some(first) = seen.get(&*name) {
                let line = report.line_of(*first);
                report
                    .add(&key.span, "", format!("the key {} is given twice", quoted(&name)))
                    .label(format!("first given in line {line}"));
                continue;
            }
            seen.insert(name.to_string(), key.span.start);
            if names_a_secret(&name) && matches!(value.kind, Kind::Text(_)) {
                report.hide(&value.span);
            }
            entries.push(Entry { key: name, key_span: key.span.clone(), value });
        }
    }

    fn alias(&mut self, id: usize, span: &Span, report: &mut Report<'_>) -> Result<Rc<Node<'a>>, Broken> {
        match self.anchors.get(&id).map(Rc::clone) {
            Some(node) => {
                self.count(node.weight, span, report)?;
                Ok(node)
            }
            None => {
                report.add(span, "", "this alias stands inside what it names");
                Ok(Rc::new(Node { span: span.clone(), kind: Kind::Unknown, weight: 1 }))
            }
        }
    }

    fn count(&mut self, nodes: usize, span: &Span, report: &mut Report<'_>) -> Result<(), Broken> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        report.add(span, "", format!("more than {NODES_MAX} values, those behind aliases counted each time"));
        Err(Broken)
    }
}

fn scalar<'a>(text: Cow<'a, str>, style: ScalarStyle) -> Kind<'a> {
    match &*text {
        "" | "~" | "null" if style == ScalarStyle::Plain => Kind::Null,
        _ => Kind::Text(text),
    }
}

/// Whether the value of a key of this name would be a secret, by the words people use. The name of a file is none.
pub(crate) fn names_a_secret(key: &str) -> bool {
    const WORDS: [&str; 9] =
        ["password", "passwd", "secret", "token", "credential", "auth", "api_key", "apikey", "cookie"];
    let key = key.to_ascii_lowercase().replace('-', "_");
    !key.ends_with("_file") && (key.ends_with("key") || WORDS.iter().any(|word| key.contains(word)))
}
