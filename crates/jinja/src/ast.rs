//! The tree of a template.

use std::fmt;
use std::rc::Rc;

use crate::filters::Filter;
use crate::predicates::Predicate;
use crate::value::Value;

/// Statements one after another.
pub(crate) type Body = Vec<Statement>;

/// An expression and the byte offset that its errors point at.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) at: usize,
    /// Of the tree below, this node included.
    pub(crate) height: usize,
    pub(crate) kind: ExprKind,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    Constant(Value),
    Name(Rc<str>),
    Tuple(Vec<Expr>),
    List(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    Attribute(Box<Expr>, Rc<str>),
    Item(Box<Expr>, Box<Expr>),
    /// Start, stop, step.
    Slice(Box<Expr>, Box<[Option<Expr>; 3]>),
    Call(Box<Expr>, Arguments),
    Filter(Box<Expr>, FilterCall),
    Test(Box<Expr>, Named<Predicate>, Arguments),
    Negative(Box<Expr>),
    Positive(Box<Expr>),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Compare(Box<Expr>, Vec<(Comparison, Expr)>),
    /// `a ~ b ~ c`
    Concat(Vec<Expr>),
    /// `then if test else otherwise`
    Condition {
        test: Box<Expr>,
        then: Box<Expr>,
        otherwise: Option<Box<Expr>>,
    },
}

impl ExprKind {
    /// The expressions directly below.
    pub(crate) fn children(&self) -> impl Iterator<Item = &Expr> {
        let mut found: Vec<&Expr> = Vec::new();
        match self {
            Self::Constant(_) | Self::Name(_) => {}
            Self::Tuple(items) | Self::List(items) | Self::Concat(items) => found.extend(items),
            Self::Dict(entries) => {
                found.extend(entries.iter().flat_map(|(key, value)| [key, value]));
            }
            Self::Attribute(value, _)
            | Self::Negative(value)
            | Self::Positive(value)
            | Self::Not(value) => {
                found.push(value);
            }
            Self::Item(a, b) | Self::And(a, b) | Self::Or(a, b) | Self::Binary(_, a, b) => {
                found.extend([&**a, &**b]);
            }
            Self::Slice(value, parts) => {
                found.push(value);
                found.extend(parts.iter().flatten());
            }
            Self::Call(value, arguments) | Self::Test(value, _, arguments) => {
                found.push(value);
                found.extend(arguments.children());
            }
            Self::Filter(value, call) => {
                found.push(value);
                found.extend(call.arguments.children());
            }
            Self::Compare(first, rest) => {
                found.push(first);
                found.extend(rest.iter().map(|(_, value)| value));
            }
            Self::Condition { test, then, otherwise } => {
                found.extend([&**test, &**then]);
                found.extend(otherwise.as_deref());
            }
        }
        found.into_iter()
    }
}

/// A built-in function known by name.
#[derive(Clone, Copy)]
pub(crate) struct Named<T> {
    pub(crate) name: &'static str,
    pub(crate) run: T,
}

impl<T> fmt::Debug for Named<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A filter with its arguments.
#[derive(Debug)]
pub(crate) struct FilterCall {
    pub(crate) at: usize,
    pub(crate) filter: Named<Filter>,
    pub(crate) arguments: Arguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) positional: Vec<Expr>,
    pub(crate) named: Vec<(Rc<str>, Expr)>,
    /// `*list`
    pub(crate) star: Option<Box<Expr>>,
    /// `**dictionary`
    pub(crate) star_star: Option<Box<Expr>>,
}

impl Arguments {
    pub(crate) fn children(&self) -> impl Iterator<Item = &Expr> {
        let named = self.named.iter().map(|(_, value)| value);
        self.positional
            .iter()
            .chain(named)
            .chain(self.star.as_deref())
            .chain(self.star_star.as_deref())
    }
}

/// What a value is assigned to.
#[derive(Debug)]
pub(crate) enum Target {
    Name(Rc<str>),
    Tuple(Vec<Self>),
    /// `namespace.attribute`
    Attribute {
        at: usize,
        name: Rc<str>,
        attribute: Rc<str>,
    },
}

#[derive(Debug)]
pub(crate) struct Macro {
    pub(crate) name: Rc<str>,
    pub(crate) parameters: Vec<(Rc<str>, Option<Expr>)>,
    pub(crate) body: Body,
    pub(crate) uses: MacroUses,
}

/// Which of the special names a macro reads.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct MacroUses {
    pub(crate) varargs: bool,
    pub(crate) kwargs: bool,
    pub(crate) caller: bool,
}

#[derive(Debug)]
pub(crate) struct For {
    pub(crate) at: usize,
    pub(crate) target: Target,
    pub(crate) iterable: Expr,
    pub(crate) filter: Option<Expr>,
    pub(crate) body: Body,
    pub(crate) otherwise: Body,
}

#[derive(Debug)]
pub(crate) enum Statement {
    Text(String),
    Print(Expr),
    If { branches: Vec<(Expr, Body)>, otherwise: Body },
    For(Rc<For>),
    Set { at: usize, target: Target, value: Expr },
    SetBlock { at: usize, target: Target, filters: Vec<FilterCall>, body: Body },
    Do(Expr),
    Macro(Rc<Macro>),
    CallBlock { at: usize, function: Expr, arguments: Arguments, block: Rc<Macro> },
    Import { template: Expr, name: Rc<str>, with_context: bool },
    FromImport { template: Expr, names: Vec<(Rc<str>, Rc<str>)>, with_context: bool },
    Include { template: Expr, ignore_missing: bool, with_context: bool },
    With { bindings: Vec<(Target, Expr)>, body: Body, at: usize },
    FilterBlock { filters: Vec<FilterCall>, body: Body },
    Break,
    Continue,
}
