"""What can be asked and answered about the tasks of a queue, on top of what can be done to them."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from athena.model.question import Question, QuestionId
from athena.model.task import TaskId
from tests.service.reference import RefQuestion
from tests.service.steps import ATTEMPTS, INSTANCES, WHICH, QueueSteps


class QuestionSteps(QueueSteps):
    """Asking, answering, withdrawing, parking on a question."""

    def pick_question(self, which: int) -> tuple[int, RefQuestion]:
        questions = list(self.reference.questions.items())
        return questions[which % len(questions)]

    def real_question(self, number: int) -> Question:
        return self.run(self.queue.services.questions.get(QuestionId(number)))

    @precondition(lambda self: self.reference.tasks)
    @rule(which=WHICH, instance=INSTANCES, attempt=ATTEMPTS, holder=st.booleans())
    def ask(self, which: int, instance: str, attempt: str, holder: bool) -> None:
        task = self.pick(which)
        who, number = self.who(task, instance, holder), self.attempt(task, attempt)
        real, asked = self.real(task), []

        async def really() -> None:
            asked.append(await self.queue.ask(real, who, attempt=number))

        self.both(task, lambda: self.reference.ask(task, who, number), really())
        for question in asked:
            self.reference.questions[question.id] = RefQuestion(task=task.id, instance=who)

    @precondition(lambda self: self.reference.questions)
    @rule(which=WHICH)
    def answer(self, which: int) -> None:
        number, question = self.pick_question(which)
        self.both(
            self.reference.tasks[question.task],
            lambda: self.reference.answer(question),
            self.queue.answer(self.real_question(number)),
        )

    @precondition(lambda self: self.reference.questions)
    @rule(which=WHICH, instance=INSTANCES, asker=st.booleans())
    def take_back(self, which: int, instance: str, asker: bool) -> None:
        number, question = self.pick_question(which)
        who = question.instance if asker else instance
        self.both(
            self.reference.tasks[question.task],
            lambda: self.reference.take_back(question, who),
            self.queue.withdraw(self.real_question(number), who),
            events=0,
        )

    @precondition(lambda self: self.reference.questions)
    @rule(which=WHICH, other=WHICH, own=st.booleans(), attempt=ATTEMPTS, holder=st.booleans())
    def park_on_a_question(
        self, which: int, other: int, own: bool, attempt: str, holder: bool
    ) -> None:
        number, question = self.pick_question(which)
        task = self.reference.tasks[question.task] if own else self.pick(other)
        who, attempt_number = self.who(task, "pi", holder), self.attempt(task, attempt)
        self.both(
            task,
            lambda: self.reference.park_on(task, who, attempt_number, question),
            self.queue.park(
                self.real(task), who, question=self.real_question(number), attempt=attempt_number
            ),
        )

    @invariant()
    def questions_are_those_of_the_reference(self) -> None:
        found = {q.id: (q.task_id, q.instance, q.status.value) for q in self.all_questions()}
        assert found == {
            number: (q.task, q.instance, q.status) for number, q in self.reference.questions.items()
        }

    def all_questions(self) -> list[Question]:
        return self.run(self.queue.questions())

    @invariant()
    def task_knows_who_waits_for_answers(self) -> None:
        for task in self.reference.tasks.values():
            real = self.run(self.queue.services.tasks.get(TaskId(task.id)))
            askers = {question.instance for question in self.reference.open_of(task)}
            assert askers == ({real.asker} if real.asker else set()), f"#{task.id}"
            assert (real.phase and real.phase.value) == task.phase, f"#{task.id}"
