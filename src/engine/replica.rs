//! One copy of a policy set: programs, data and the machines that run them. A copy serves one
//! thread at a time, because shared reference counts stop threads from scaling.

use super::builtins::GivenUp;
use super::value::{self, NotJson};
use crate::model::json::Json;
use regorus::rvm::RegoVM;
use regorus::rvm::program::Program;
use regorus::rvm::vm::VmError;
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, LimitError, Value};
use std::any::Any;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// How much one evaluation of one package may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvaluationLimits {
    /// Instructions of the register machine.
    pub instructions_max: usize,
    /// Wall time.
    pub wall_time_max: Duration,
    /// Size of what the package returns, in bytes.
    pub output_bytes_max: usize,
}

impl Default for EvaluationLimits {
    fn default() -> Self {
        Self {
            instructions_max: 200_000,
            wall_time_max: Duration::from_millis(20),
            output_bytes_max: 256 << 10,
        }
    }
}

/// Instructions between two looks at the clock.
const TIMER_CHECK_INSTRUCTIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(127);

/// Why a package gave no answer. Each denies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// The policy raised an error, such as a conflict of two rules.
    #[error("{0}")]
    Policy(String),
    /// Nothing came out.
    #[error("the result is undefined")]
    Undefined,
    /// What came out is not JSON.
    #[error("the result is not JSON: {0}")]
    NotJson(String),
    /// Too many instructions, or too much time.
    #[error("evaluation limit reached: {0}")]
    Limit(String),
    /// The result is too large.
    #[error("the result is larger than the limit")]
    OutputTooLarge,
    /// The engine panicked.
    #[error("the engine panicked")]
    Panic,
}

/// Where a package's generated entry point stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// In a program of the register machine.
    Rvm {
        /// Index of the program.
        program: usize,
        /// Index of the entry point in it.
        index: usize,
    },
    /// A rule of the interpreter, such as `data.toolgate_entry.p0`.
    Interpreter(String),
}

/// One copy.
pub(super) struct Replica {
    data: Value,
    machines: Vec<Machine>,
    interpreter: Engine,
    limits: EvaluationLimits,
}

/// A program and the register machine that runs it; `None` once it could not be made again.
struct Machine {
    program: Arc<Program>,
    vm: Option<RegoVM>,
}

impl Replica {
    /// A copy of these programs over this data; `interpreter` has the same modules and data.
    ///
    /// # Errors
    /// Where data stands in the place of a rule.
    pub(super) fn new(
        programs: Vec<Arc<Program>>,
        data: Value,
        mut interpreter: Engine,
        limits: EvaluationLimits,
    ) -> Result<Self, EvaluationError> {
        interpreter.set_execution_timer_config(timer(limits));
        let machines = programs.into_iter().map(|program| {
            let vm = Some(fresh(&program, &data, limits)?);
            Ok(Machine { program, vm })
        });
        let machines = machines.collect::<Result<_, EvaluationError>>()?;
        Ok(Self {
            data,
            machines,
            interpreter,
            limits,
        })
    }

    /// Evaluates one entry point.
    ///
    /// # Errors
    /// Each way of not giving an answer; a machine that failed is thrown away.
    pub(super) fn evaluate(
        &mut self,
        entry: &Entry,
        input: &Value,
    ) -> Result<Json, EvaluationError> {
        let result = match entry {
            Entry::Rvm { program, index } => self.run(*program, *index, input),
            Entry::Interpreter(rule) => self.interpret(rule, input),
        }?;
        if result == Value::Undefined {
            return Err(EvaluationError::Undefined);
        }
        let mut bytes_left = self.limits.output_bytes_max;
        value::to_json(&result, &mut bytes_left).map_err(|error| match error {
            NotJson::TooLarge => EvaluationError::OutputTooLarge,
            other => EvaluationError::NotJson(other.to_string()),
        })
    }

    /// How many instructions an entry point takes. The machine does not tell, but stops at its
    /// limit: this is the least limit at which it does not.
    pub(super) fn instructions(&mut self, entry: &Entry, input: &Value) -> Option<usize> {
        let Entry::Rvm { program, index } = entry else {
            return None;
        };
        let limits = self.limits;
        let (mut too_few, mut enough) = (0, limits.instructions_max);
        self.run(*program, *index, input).ok()?;
        while enough - too_few > 1 {
            let tried = too_few + (enough - too_few) / 2;
            self.machines
                .get_mut(*program)?
                .vm
                .as_mut()?
                .set_max_instructions(tried);
            match self.run(*program, *index, input) {
                Ok(_) => enough = tried,
                Err(_) => too_few = tried,
            }
        }
        let vm = self.machines.get_mut(*program)?.vm.as_mut()?;
        vm.set_max_instructions(limits.instructions_max);
        Some(enough)
    }

    fn run(
        &mut self,
        program: usize,
        index: usize,
        input: &Value,
    ) -> Result<Value, EvaluationError> {
        let Self {
            machines,
            data,
            limits,
            ..
        } = self;
        let machine = machines
            .get_mut(program)
            .ok_or(EvaluationError::Undefined)?;
        let vm = machine.vm.as_mut().ok_or(EvaluationError::Panic)?;
        vm.set_input(input.clone());
        let outcome = catch_unwind(AssertUnwindSafe(|| vm.execute_entry_point_by_index(index)));
        if !matches!(outcome, Ok(Ok(_))) {
            machine.vm = fresh(&machine.program, data, *limits).ok();
        }
        outcome.map_err(unwound)?.map_err(failure)
    }

    fn interpret(&mut self, rule: &str, input: &Value) -> Result<Value, EvaluationError> {
        let mut engine = self.interpreter.clone();
        engine.set_input(input.clone());
        let outcome = catch_unwind(AssertUnwindSafe(|| engine.eval_rule(rule.to_owned())));
        let result = outcome.map_err(unwound)?;
        result.map_err(|error| match error.downcast_ref::<LimitError>() {
            Some(_) => EvaluationError::Limit(millis(self.limits.wall_time_max)),
            None => EvaluationError::Policy(last_line(&error.to_string())),
        })
    }
}

fn unwound(payload: Box<dyn Any + Send>) -> EvaluationError {
    match payload.downcast_ref::<GivenUp>() {
        Some(GivenUp(limit)) => EvaluationError::Limit((*limit).to_owned()),
        None => EvaluationError::Panic,
    }
}

fn failure(error: VmError) -> EvaluationError {
    match error {
        VmError::InstructionLimitExceeded { limit, .. } => {
            EvaluationError::Limit(format!("{limit} instructions"))
        }
        VmError::TimeLimitExceeded { limit, .. } => EvaluationError::Limit(millis(limit)),
        other => EvaluationError::Policy(other.to_string()),
    }
}

fn fresh(
    program: &Arc<Program>,
    data: &Value,
    limits: EvaluationLimits,
) -> Result<RegoVM, EvaluationError> {
    let mut vm = RegoVM::new();
    vm.load_program(Arc::clone(program));
    vm.set_data(data.clone()).map_err(failure)?;
    vm.set_max_instructions(limits.instructions_max);
    vm.set_execution_timer_config(Some(timer(limits)));
    Ok(vm)
}

fn timer(limits: EvaluationLimits) -> ExecutionTimerConfig {
    ExecutionTimerConfig {
        limit: limits.wall_time_max,
        check_interval: TIMER_CHECK_INSTRUCTIONS,
    }
}

fn millis(limit: Duration) -> String {
    format!("{} ms", limit.as_millis())
}

/// The interpreter's errors draw the source around their last line, which says what happened.
pub(super) fn last_line(text: &str) -> String {
    let line = text
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}
