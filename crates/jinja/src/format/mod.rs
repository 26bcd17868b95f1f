//! Python's two ways to format: `'%s' % value` and `'{}'.format(value)`.

pub(crate) mod braces;
mod number;
pub(crate) mod percent;
mod spec;

pub(crate) use number::fixed;
pub(crate) use spec::format as format_spec;
