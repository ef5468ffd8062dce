//! `$filter` (OGC 18-088, 9.3.3.5; OData 4.0, part 2, 5.1.1): words come in, a tree of bounded depth goes out, of which every
//! path leads somewhere and every function exists and has as many arguments as it wants. What is unknown is refused with its
//! place and with what there is.

use super::functions::Function;
use super::set::{Link, Set};
use super::tokens::{Token, Tokens};
use super::value::Value;
use crate::error::ApiError;

/// Deepest nesting of parentheses, `not` and functions.
const MOST_DEEP: usize = 48;
/// Operators of arithmetic in one expression at most: a tree of them is as deep as they are many.
const MOST_OPERATORS: usize = 200;

/// A tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    Literal(Value),
    Path(Path),
    Call(Function, Vec<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
}

/// From an entity along links to a property, and into it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Path {
    pub(super) links: Vec<&'static Link>,
    pub(super) property: &'static str,
    pub(super) members: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// The names of ids and links to themselves, which every entity has.
pub(super) const ID: &str = "id";
pub(super) const SELF_LINK: &str = "selfLink";

impl Expr {
    /// Reads a whole option.
    pub(super) fn read(text: &str, set: Set) -> Result<Self, ApiError> {
        let mut tokens = Tokens::read(text)?;
        let expr = Parser { tokens: &mut tokens, set, depth: 0, operators: 0 }.or()?;
        if tokens.is_at_end() { Ok(expr) } else { Err(tokens.refuse("`and`, `or` or the end is wanted")) }
    }

    /// Calls `visit` for every path in it.
    pub(super) fn each_path(&self, visit: &mut impl FnMut(&Path)) {
        match self {
            Self::Literal(_) => {}
            Self::Path(path) => visit(path),
            Self::Call(_, inner) | Self::And(inner) | Self::Or(inner) => {
                inner.iter().for_each(|expr| expr.each_path(visit));
            }
            Self::Compare(_, a, b) | Self::Arithmetic(_, a, b) => {
                a.each_path(visit);
                b.each_path(visit);
            }
            Self::Not(inner) => inner.each_path(visit),
        }
    }

    /// What all has to be true for it to be.
    pub(super) fn conjuncts(self) -> Vec<Self> {
        match self {
            Self::And(inner) => inner.into_iter().flat_map(Self::conjuncts).collect(),
            other => vec![other],
        }
    }
}

/// Reads an expression that ends before a comma or the end, as `$orderby` has them.
pub(super) fn operand(tokens: &mut Tokens<'_>, set: Set) -> Result<Expr, ApiError> {
    Parser { tokens, set, depth: 0, operators: 0 }.sum()
}

struct Parser<'a, 'b> {
    tokens: &'a mut Tokens<'b>,
    set: Set,
    depth: usize,
    operators: usize,
}

impl Parser<'_, '_> {
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, ApiError>) -> Result<T, ApiError> {
        if self.depth == MOST_DEEP {
            return Err(self.tokens.refuse(&format!("this is nested more than {MOST_DEEP} deep")));
        }
        self.depth += 1;
        let out = read(self);
        self.depth -= 1;
        out
    }

    fn or(&mut self) -> Result<Expr, ApiError> {
        let mut all = vec![self.and()?];
        while self.tokens.skip_name("or") {
            all.push(self.and()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::Or(all) })
    }

    fn and(&mut self) -> Result<Expr, ApiError> {
        let mut all = vec![self.not()?];
        while self.tokens.skip_name("and") {
            all.push(self.not()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::And(all) })
    }

    fn not(&mut self) -> Result<Expr, ApiError> {
        if self.tokens.skip_name("not") {
            return self.deeper(|parser| Ok(Expr::Not(Box::new(parser.not()?))));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr, ApiError> {
        let left = self.sum()?;
        let Some(Token::Name(name)) = self.tokens.peek() else { return Ok(left) };
        let comparison = match name.as_str() {
            "eq" => Comparison::Equal,
            "ne" => Comparison::NotEqual,
            "lt" => Comparison::Less,
            "le" => Comparison::LessOrEqual,
            "gt" => Comparison::Greater,
            "ge" => Comparison::GreaterOrEqual,
            _ => return Ok(left),
        };
        self.tokens.take();
        Ok(Expr::Compare(comparison, Box::new(left), Box::new(self.sum()?)))
    }

    fn sum(&mut self) -> Result<Expr, ApiError> {
        let operators = [("add", Arithmetic::Add), ("sub", Arithmetic::Subtract)];
        self.chain(&operators, Self::product)
    }

    fn product(&mut self) -> Result<Expr, ApiError> {
        let operators = [("mul", Arithmetic::Multiply), ("div", Arithmetic::Divide), ("mod", Arithmetic::Modulo)];
        self.chain(&operators, Self::value)
    }

    /// Operands with operators between, from left to right.
    fn chain(
        &mut self,
        operators: &[(&str, Arithmetic)],
        operand: fn(&mut Self) -> Result<Expr, ApiError>,
    ) -> Result<Expr, ApiError> {
        let mut left = operand(self)?;
        while let Some((_, operator)) = operators.iter().find(|(name, _)| self.tokens.skip_name(name)) {
            self.operators += 1;
            if self.operators > MOST_OPERATORS {
                return Err(self
                    .tokens
                    .refuse(&format!("there are more than {MOST_OPERATORS} operators of arithmetic")));
            }
            left = Expr::Arithmetic(*operator, Box::new(left), Box::new(operand(self)?));
        }
        Ok(left)
    }

    fn value(&mut self) -> Result<Expr, ApiError> {
        match self.tokens.peek() {
            Some(Token::Open) => {
                self.tokens.take();
                let inner = self.deeper(Self::or)?;
                self.tokens.expect(&Token::Close, "`)`")?;
                Ok(inner)
            }
            Some(Token::Minus) => {
                self.tokens.take();
                let inner = self.deeper(Self::value)?;
                let minus = Box::new(Expr::Literal(Value::Number(-1.0)));
                Ok(Expr::Arithmetic(Arithmetic::Multiply, minus, Box::new(inner)))
            }
            Some(Token::Literal(_)) => match self.tokens.take() {
                Some(Token::Literal(value)) => Ok(Expr::Literal(value)),
                _ => Err(self.tokens.refuse("a value is wanted")),
            },
            Some(Token::Name(_)) => self.named(),
            _ => Err(self.tokens.refuse("a property, a function or a value is wanted")),
        }
    }

    fn named(&mut self) -> Result<Expr, ApiError> {
        let refused =
            |parser: &Self, name: &str| parser.tokens.refuse(&format!("there is no function `{name}`; before"));
        let Some(Token::Name(name)) = self.tokens.take() else {
            return Err(self.tokens.refuse("a name is wanted"));
        };
        if self.tokens.skip(&Token::Open) {
            let function = Function::named(&name).ok_or_else(|| refused(self, &name))?;
            return self.deeper(|parser| parser.call(function));
        }
        self.path(name).map(Expr::Path)
    }

    fn call(&mut self, function: Function) -> Result<Expr, ApiError> {
        let mut arguments = Vec::new();
        if !self.tokens.skip(&Token::Close) {
            arguments.push(self.or()?);
            while self.tokens.skip(&Token::Comma) {
                arguments.push(self.or()?);
            }
            self.tokens.expect(&Token::Close, "`,` or `)`")?;
        }
        if !function.takes().contains(&arguments.len()) {
            let (name, takes, given) = (function.name(), function.takes(), arguments.len());
            let takes = if takes.start() == takes.end() {
                takes.start().to_string()
            } else {
                format!("{} to {}", takes.start(), takes.end())
            };
            return Err(self.tokens.refuse(&format!("`{name}` takes {takes} arguments, here are {given}; before")));
        }
        Ok(Expr::Call(function, arguments))
    }

    fn path(&mut self, first: String) -> Result<Path, ApiError> {
        let (mut set, mut name, mut links) = (self.set, first, Vec::new());
        while let Some(link) = set.link(&name) {
            links.push(link);
            set = link.to;
            if links.len() > MOST_DEEP || !self.tokens.skip(&Token::Slash) {
                return Err(self.tokens.refuse(&format!("after {name} a property is wanted: {};", set.words())));
            }
            name = self.segment()?;
        }
        let property = match name.as_str() {
            "id" | "@iot.id" => ID,
            "selfLink" | "@iot.selfLink" => SELF_LINK,
            other => set.property(other).ok_or_else(|| {
                let (entity, words) = (set.entity(), set.words());
                self.tokens.refuse(&format!("a {entity} has no `{other}`, it has: {words}; before"))
            })?,
        };
        let mut members = Vec::new();
        while self.tokens.skip(&Token::Slash) {
            members.push(self.segment()?);
        }
        Ok(Path { links, property, members })
    }

    fn segment(&mut self) -> Result<String, ApiError> {
        match self.tokens.take() {
            Some(Token::Name(name)) => Ok(name),
            Some(Token::Literal(Value::Number(number))) => Ok(number.to_string()),
            Some(Token::Literal(Value::Text(name))) => Ok(name),
            _ => Err(self.tokens.refuse("after `/` a name is wanted;")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Expr::read(text, Set::Observations).unwrap_err().description
    }

    #[test]
    fn what_is_unknown_is_refused_with_its_place() {
        assert!(
            refusal("nosuch eq 1").contains("an Observation has no `nosuch`")
                || refusal("nosuch eq 1").contains("has no `nosuch`")
        );
        assert!(refusal("nosuch(1) eq 1").contains("there is no function `nosuch`"));
        assert!(refusal("result gt").contains("is wanted at its end"));
        assert!(refusal("result gt 1 result").contains("`and`, `or` or the end is wanted at character 12"));
        assert!(refusal("floor(1, 2) eq 1").contains("takes 1 arguments, here are 2"));
        assert!(refusal("Datastream eq 1").contains("a property is wanted"));
        let deep = format!("{}1{}", "(".repeat(60), ")".repeat(60));
        assert!(refusal(&format!("{deep} eq 1")).contains("nested more than"));
        assert!(refusal(&format!("{} true", "not ".repeat(100))).contains("nested more than"));
        assert!(refusal(&format!("1{} eq 1", " add 1".repeat(300))).contains("operators of arithmetic"));
    }

    #[test]
    fn operators_bind_as_odata_says() {
        let read = |text| Expr::read(text, Set::Observations).unwrap();
        assert_eq!(
            read("1 add 2 mul 3 eq 7 and not false or true"),
            read("(((1 add (2 mul 3)) eq 7) and (not false)) or true")
        );
        let Expr::Path(path) = read("Datastream/Thing/properties/a/b") else { panic!("no path") };
        assert_eq!((path.links.len(), path.property, path.members.len()), (2, "properties", 2));
    }
}
