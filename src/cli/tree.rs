//! Trees, as a terminal shows them.

/// A line and what is below it.
#[derive(Debug, Default)]
pub(super) struct Node {
    text: String,
    below: Vec<Node>,
}

impl Node {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            below: Vec::new(),
        }
    }

    /// Adds what is below.
    pub(super) fn push(&mut self, node: Node) {
        self.below.push(node);
    }

    /// With this below.
    pub(super) fn with(mut self, nodes: impl IntoIterator<Item = Node>) -> Self {
        self.below.extend(nodes);
        self
    }

    /// The lines: with branches drawn, or indented by two spaces a level.
    pub(super) fn lines(&self, is_drawn: bool) -> Vec<String> {
        let mut lines = vec![self.text.clone()];
        self.add(&mut lines, "", is_drawn);
        lines
    }

    fn add(&self, lines: &mut Vec<String>, before: &str, is_drawn: bool) {
        for (at, node) in (1..).zip(&self.below) {
            let is_last = at == self.below.len();
            let (branch, further) = match (is_drawn, is_last) {
                (false, _) => ("  ", "  "),
                (true, false) => ("├── ", "│   "),
                (true, true) => ("└── ", "    "),
            };
            lines.push(format!("{before}{branch}{}", node.text));
            node.add(lines, &format!("{before}{further}"), is_drawn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Node;

    #[test]
    fn a_tree_is_drawn_or_indented() {
        let inner = Node::new("b").with([Node::new("c"), Node::new("d")]);
        let mut tree = Node::new("a").with([inner]);
        tree.push(Node::new("e").with([Node::new("f")]));
        for (is_drawn, expected) in [
            (true, "a\n├── b\n│   ├── c\n│   └── d\n└── e\n    └── f"),
            (false, "a\n  b\n    c\n    d\n  e\n    f"),
        ] {
            assert_eq!(tree.lines(is_drawn).join("\n"), expected);
        }
    }
}
