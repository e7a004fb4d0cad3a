//! The shape a text must have before it is given to the parser.
//!
//! regorus' parser recurses once a bracket and once a minus, tries every bracket as a
//! comprehension first (time doubles with each level), and ends the text at the first NUL, so that
//! a `deny` behind it would be ignored. These are bounds on the text alone, so that the parser can
//! run at all; what a policy may say is judged on the syntax tree.

use crate::model::bundle::Module;
use crate::model::finding::{Finding, Severity};

/// Greatest nesting of brackets of any kind. Also bounds the parser's time, which doubles with
/// each level.
pub(crate) const MAX_NESTING_LEVELS: usize = 12;
/// Greatest number of operators and dots in one expression: each is a level of the syntax tree.
pub(crate) const MAX_OPERATORS_PER_EXPRESSION: usize = 128;
/// Greatest size of one module.
pub(crate) const MAX_MODULE_BYTES: usize = 1 << 20;

/// What the scanner is within.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Code,
    Comment,
    Text,
    RawText,
}

/// What stood before, as far as it decides whether a new expression starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Term,
    Operator,
    Minus,
}

struct Scan<'a> {
    module: &'a Module,
    within: Within,
    escaped: bool,
    line: u32,
    column: u32,
    /// Operators of the expression being read, for each open bracket.
    open: Vec<usize>,
    operators: usize,
    before: Before,
    /// The word being read has begun: its further characters start nothing.
    in_word: bool,
}

/// Checks `module` before it is parsed.
///
/// # Errors
/// Names the place where a bound is passed.
pub(crate) fn check(module: &Module) -> Result<(), Finding> {
    let mut scan = Scan {
        module,
        within: Within::Code,
        escaped: false,
        line: 1,
        column: 1,
        open: Vec::new(),
        operators: 0,
        before: Before::Operator,
        in_word: false,
    };
    if module.source.len() > MAX_MODULE_BYTES {
        return Err(scan.refuse(
            "gate.module_size",
            format!("the module has more than {MAX_MODULE_BYTES} bytes"),
            "move tables of values into data.json",
        ));
    }
    module.source.chars().try_for_each(|c| scan.read(c))
}

impl Scan<'_> {
    fn refuse(&self, code: &'static str, message: String, hint: &str) -> Finding {
        Finding {
            severity: Severity::Error,
            code,
            package: String::new(),
            path: self.module.path.clone(),
            line: self.line,
            column: self.column,
            message,
            hint: hint.to_owned(),
        }
    }

    fn read(&mut self, c: char) -> Result<(), Finding> {
        if c == '\0' {
            return Err(self.refuse(
                "gate.nul",
                "a NUL character would end the module here".to_owned(),
                "remove the character; in a string, write \\u0000",
            ));
        }
        match self.within {
            Within::Code => self.code(c)?,
            Within::Comment if c == '\n' => self.within = Within::Code,
            Within::RawText if c == '`' => self.within = Within::Code,
            Within::Text if self.escaped => self.escaped = false,
            Within::Text if c == '\\' => self.escaped = true,
            // A string cannot span lines: the parser reports it there.
            Within::Text if c == '"' || c == '\n' => self.within = Within::Code,
            Within::Comment | Within::RawText | Within::Text => {}
        }
        if c == '\n' {
            self.line = self.line.saturating_add(1);
            self.column = 1;
        } else {
            self.column = self.column.saturating_add(1);
        }
        Ok(())
    }

    fn code(&mut self, c: char) -> Result<(), Finding> {
        let word = c.is_alphanumeric() || c == '_';
        match c {
            _ if word && self.in_word => {}
            _ if word => self.term(),
            '"' => {
                self.within = Within::Text;
                self.term();
            }
            '`' => {
                self.within = Within::RawText;
                self.term();
            }
            '#' => self.within = Within::Comment,
            '(' | '[' | '{' => self.enter()?,
            ')' | ']' | '}' => {
                self.operators = self.open.pop().unwrap_or(0);
                self.before = Before::Term;
            }
            ',' | ';' | ':' => {
                self.operators = 0;
                self.before = Before::Operator;
            }
            _ if c.is_whitespace() => {}
            _ => self.operator(c)?,
        }
        self.in_word = word;
        Ok(())
    }

    /// A term begins; after another term, it begins a new expression.
    fn term(&mut self) {
        if self.before == Before::Term {
            self.operators = 0;
        }
        self.before = Before::Term;
    }

    fn enter(&mut self) -> Result<(), Finding> {
        // The outermost bracket is a rule's body.
        if self.open.len() >= MAX_NESTING_LEVELS {
            return Err(self.refuse(
                "gate.nesting",
                format!("brackets are nested more than {MAX_NESTING_LEVELS} levels deep"),
                "give the inner part a name: a helper rule, a function or a variable",
            ));
        }
        self.open.push(self.operators);
        self.operators = 0;
        self.before = Before::Operator;
        Ok(())
    }

    fn operator(&mut self, c: char) -> Result<(), Finding> {
        if c == '-' && self.before == Before::Minus {
            return Err(self.refuse(
                "gate.nesting",
                "two minus signs in a row".to_owned(),
                "write `0 - x` for the negative of `x`",
            ));
        }
        self.operators += 1;
        if self.operators > MAX_OPERATORS_PER_EXPRESSION {
            return Err(self.refuse(
                "gate.expression_size",
                format!("an expression has more than {MAX_OPERATORS_PER_EXPRESSION} operators"),
                "split it with variables, or use sum(), concat() or a set",
            ));
        }
        self.before = if c == '-' {
            Before::Minus
        } else {
            Before::Operator
        };
        Ok(())
    }
}
