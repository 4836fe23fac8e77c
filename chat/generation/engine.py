"""The chat engine, the transports' entry point: send, follow, stop, keep. One instance per event loop."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from django.conf import settings
from django.db import Error as DatabaseError

from chat import database
from chat.generation import replay
from chat.generation.accounts import Accounts
from chat.generation.admission import Admission, AlreadySent, active_user, admit, already_sent
from chat.generation.decisions import Decisions
from chat.generation.draining import Draining
from chat.generation.finishing import Finisher
from chat.generation.limit_errors import busy, limit_error, no_model_error
from chat.generation.mcp_servers import McpServers
from chat.generation.model_watch import ModelWatch
from chat.generation.owners import Owners
from chat.generation.purging import Purging
from chat.generation.recorder import Recorder, SaveFailed
from chat.generation.replay import Archived
from chat.generation.requests import SendRequest
from chat.generation.run import Run, turn_from_parts
from chat.generation.runner import Runner
from chat.generation.takeover import Takeover
from chat.generation.title_generation import TitleGenerator
from chat.generation.tool_calls import Limits
from chat.models import Message, UnansweredQuestion, User
from chat.notices import channel
from chat.notices.conversations import tell_of_the_change
from chat.protocol import event_data, events
from chat.protocol.cursors import Cursor
from chat.protocol.errors import ApiError, not_found
from chat.protocol.events import Entry
from chat.providers.registry import Registry
from chat.streams.base import (
    Batch,
    Created,
    Duplicate,
    Lost,
    Refusal,
    RunInfo,
    RunNotFound,
    RunRequest,
    StreamLog,
)
from chat.tools.registry import Registry as Tools

logger = logging.getLogger(__name__)

# A client is waiting for the response.
KEEP_PATIENCE_SECONDS: Final = 5.0
# How long a message waits to find out whether a model server is back.
MODELS_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Sent:
    """The run that answers a message. `duplicate`: it existed before this request. `run`: while the log has it."""

    run_id: str
    conversation_id: str
    client_message_id: str
    duplicate: bool
    run: RunInfo | None = None


class Engine:
    """Every method that takes a user id raises `not_found` for anything that is not that user's."""

    def __init__(
        self,
        log: StreamLog,
        providers: Registry,
        recorder: Recorder,
        models: ModelWatch | None = None,
        accounts: Accounts | None = None,
        tools: Tools | None = None,
        mcp_servers: McpServers | None = None,
    ) -> None:
        self.log = log
        self.providers = providers
        self.tools = tools or Tools(())
        self.models = models or ModelWatch()
        self._accounts = accounts or Accounts(providers)
        self._mcp_servers = mcp_servers
        self.draining = Draining(is_shared=log.is_shared)
        self._recorder = recorder
        self._decisions = Decisions(log)
        self._naming = TitleGenerator(providers, is_on=settings.CHAT_TITLES)
        ending = Finisher(log, recorder, self._naming)
        self._runner = Runner(
            log,
            ending,
            answer_bytes=settings.CHAT_ANSWER_BYTES,
            orphan_grace=settings.CHAT_ORPHAN_GRACE,
            limits=Limits(
                turns=settings.CHAT_TOOL_TURNS, seconds=settings.CHAT_TOOL_SECONDS, calls=settings.CHAT_TOOL_CALLS
            ),
        )
        self.labels = self._runner.labels
        self.takeover = Takeover(log, self._runner, ending, providers, lambda: self.tools)
        self.owners = Owners(log, self._runner)
        self._purging = Purging()
        self._close_database: Callable[[], Awaitable[None]] | None = None

    async def send(
        self, user_id: int, send: SendRequest, *, find_user: Callable[[], User | None] | None = None
    ) -> Sent:
        """Start the run of a message. Idempotent: one run per client_message_id. Raises ApiError.

        `find_user`: returns the user, or None if the sign-in is no longer valid. It runs in the same database call as
        the other lookups, and only for a new message.
        """
        self.draining.check()
        if sent := await self.log.find_sent(user_id, send.client_message_id):
            return _repeated(sent, send.fingerprint)
        runs = await self.log.runs_of(user_id)
        if any(run.is_live and run.conversation_id == send.conversation_id for run in runs):
            # Check before any lookup: this message must come after whatever that run adds to the conversation.
            raise busy()
        reserved = frozenset(run.conversation_id for run in runs)
        admission = await self._admit(find_user or partial(active_user, user_id), send, reserved)
        if isinstance(admission, AlreadySent):
            return Sent(admission.run_id, admission.conversation_id, send.client_message_id, True)
        # Shielded: a caller cancelled between creating the run and its task would leave a run that never ends.
        return await asyncio.shield(self._start(user_id, send, admission))

    async def _admit(
        self, find_user: Callable[[], User | None], send: SendRequest, reserved: frozenset[str]
    ) -> Admission | AlreadySent:
        if not self.models.is_settled:
            # A model server that was down may be back.
            await self.models.ask(seconds=MODELS_SECONDS)
        try:
            return await database.read(
                admit,
                find_user,
                send,
                reserved=reserved,
                providers=frozenset(self.providers),
                tools=self.tools,
                characters=settings.CHAT_CONTEXT_CHARACTERS,
            )
        except ApiError as error:
            raise no_model_error(error, self.models.problems) from None

    async def _start(self, user_id: int, send: SendRequest, admission: Admission) -> Sent:
        self.draining.check()
        provider = self.providers.get(admission.assistant.provider)
        if provider is None:
            # Its account was deleted a moment ago.
            raise ApiError("no_model", "The model provider was just removed. Choose another assistant.")
        request = _run_request(user_id, send, admission)
        created = await self._create(request, send, admission.waiting)
        if isinstance(created, Duplicate):
            return _repeated(created.run, send.fingerprint)
        if not isinstance(created, Created):
            raise limit_error(created)
        run = Run(
            info=created.run,
            token=created.token,
            start=request.start.data,  # type: ignore[arg-type]
            provider=provider,
            request=admission.request,
            tools=admission.tools,
            permissions=admission.permissions,
            work=admission.work,
        )
        self._runner.start(run)
        if admission.waiting is not None:
            await self._decisions.permit(send, admission.waiting)
        logger.info("run %s: started for user %s", request.run_id, user_id)
        await channel.publish(user_id, {"kind": "run_started", **created.run.summary})
        return Sent(request.run_id, request.conversation_id, send.client_message_id, False, created.run)

    async def _create(self, request: RunRequest, send: SendRequest, waiting: Message | None) -> Created | Refusal:
        """The log's reply. A decision is recorded first, so that only one of several starts a run."""
        if waiting is not None:
            await self._decisions.record(request, send, waiting)
        created: Created | Refusal | None = None
        try:
            created = await self.log.create(
                request,
                live_limit=settings.CHAT_LIVE_RUNS_PER_USER,
                per_minute=settings.CHAT_SENDS_PER_MINUTE,
                live_limit_of_all=settings.CHAT_LIVE_RUNS,
                per_minute_of_all=settings.CHAT_RUNS_PER_MINUTE,
            )
        finally:
            if waiting is not None and not isinstance(created, Created):
                await self._decisions.withdraw(request.run_id)
        return created

    async def find_sent(self, user_id: int, send: SendRequest, after: Cursor) -> RunInfo | Archived:
        """The run of a message sent earlier, for a client that resumes at this cursor. Starts nothing.

        Found by client_message_id, or else by the cursor while the run is in the log. Raises ApiError: `bad_cursor` if
        there is none, `conflict` if it answers another message.
        """
        sent = await self.log.find_sent(user_id, send.client_message_id) or await self._at(user_id, after)
        if sent is not None:
            return await self.find(user_id, _repeated(sent, send.fingerprint).run_id)
        run_id = await database.read(already_sent, user_id, send)
        if run_id is None:
            raise ApiError(
                "bad_cursor", "You have no run that continues from this cursor. Omit the cursor to send the message."
            )
        return await self.find(user_id, run_id)

    async def _at(self, user_id: int, cursor: Cursor) -> RunInfo | None:
        runs = await self.log.runs_of(user_id)
        return next((run for run in runs if run.cursor.epoch == cursor.epoch), None)

    async def run_of(self, user_id: int, sent: Sent) -> RunInfo | Archived:
        """The run to follow for a sent message. Raises ApiError `not_found`."""
        return sent.run or await self.find(user_id, sent.run_id)

    async def find(self, user_id: int, run_id: str) -> RunInfo | Archived:
        """The run from the log, or else from the database. Raises ApiError `not_found`."""
        info = await self.log.find(run_id)
        if info is not None and info.owner_id != user_id:
            raise not_found()
        if info is not None and info.has_log:
            return info
        archived = await database.read(replay.archived_run, user_id, run_id)
        if archived is not None:
            return archived
        if info is not None and info.state == "error":
            return info
        raise not_found()

    async def follow(
        self, run: RunInfo | Archived, after: Cursor | None, *, limit: int
    ) -> AsyncGenerator[Batch, None]:
        """Yield the events after the cursor, up to the terminal event. `run` is what `find` returned.

        Raises ApiError `not_found` if the run has since left the log and is not in the database. If it is lost while
        it is followed, or only its log was dropped, the last event is `error`.
        """
        if not isinstance(run, RunInfo):
            archived = run
        else:
            try:
                async with aclosing(self.log.follow(run.run_id, after, limit=limit)) as batches:
                    async for batch in batches:
                        after = batch.cursor
                        yield batch
                return
            except (RunNotFound, Lost) as error:
                found = await database.read(replay.archived_run, run.owner_id, run.run_id)
                if found is None:
                    info = await self.log.find(run.run_id)
                    if info and info.state == "error":
                        yield _dropped(info)
                    elif isinstance(error, Lost):
                        yield _lost(after or run.cursor)
                    else:
                        raise not_found() from None
                    return
                archived = found
        async for batch in replay.follow(archived, after, limit=limit):
            yield batch

    async def stop(self, user_id: int, run_id: str) -> bool:
        """Stop a run. False if a stop was already requested or the run has ended."""
        run = await self.find(user_id, run_id)
        with suppress(RunNotFound):
            return isinstance(run, RunInfo) and await self.log.request_stop(run.run_id)
        return False

    async def stop_and_wait(self, run: RunInfo) -> None:
        """Stop a run and return when it has ended. No effect on a run that has already ended."""
        if not run.is_live:
            return
        with suppress(RunNotFound, Lost):
            await self.log.request_stop(run.run_id)
            async with aclosing(self.log.follow(run.run_id, run.cursor, limit=1)) as batches:
                async for _ in batches:
                    """Only wait for the end."""

    async def keep(self, user_id: int, run_id: str) -> Message:
        """Save what had arrived of a failed run. Idempotent; for a saved run it returns the saved answer."""
        run = await self.find(user_id, run_id)
        if isinstance(run, Message):
            return run
        if isinstance(run, UnansweredQuestion):
            raise not_found()
        if run.is_live:
            raise ApiError("conflict", "The answer is still being written.")
        if run.state != "error":
            # It was saved. If it is no longer in the database, its conversation has been deleted.
            return await self._saved(user_id, run_id)
        try:
            turn = turn_from_parts(run, await self.log.entries(run_id), self.tools.alias_of)
            saved = await self._recorder.save(turn, waiting=_nobody, patience=KEEP_PATIENCE_SECONDS)
        except RunNotFound:
            return await self._saved(user_id, run_id)
        except SaveFailed:
            raise ApiError("unavailable", "This could not be saved. Try again later.", retry_after=5) from None
        if saved.change is not None:
            await tell_of_the_change(user_id, saved.change)
        return saved.message

    async def unanswered(self, user_id: int) -> list[UnansweredQuestion]:
        """The questions of failed runs that were neither retried nor dismissed, newest first, without their texts."""
        return await database.read(UnansweredQuestion.objects.of, user_id)

    async def dismiss(self, user_id: int, run_id: str) -> None:
        """Delete a failed run and its question. Raises ApiError `conflict` for any other run."""
        run = await self.find(user_id, run_id)
        if isinstance(run, Message) or (isinstance(run, RunInfo) and run.state != "error"):
            raise ApiError("conflict", "Only a failed run can be dismissed.")
        await database.write(UnansweredQuestion.objects.filter(owner_id=user_id, run_id=run_id).delete)
        await self.log.forget(run_id)
        notice = {"kind": "run_dismissed", "run_id": run_id, "conversation_id": str(run.conversation_id)}
        await channel.publish(user_id, notice)

    async def _saved(self, user_id: int, run_id: str) -> Message:
        saved = await database.read(replay.saved_run, user_id, run_id)
        if saved is None:
            raise not_found()
        return saved

    async def start(self) -> None:
        """Begin what goes on beside the runs: purging, taking over the runs of dead processes, watching accounts."""
        try:
            self._close_database = await database.keep_open()
        except DatabaseError as error:
            # Queries are only slower.
            logger.warning("database: opening a persistent connection failed: %r", error)
        self._purging.start()
        self.takeover.start()
        self.owners.start()
        self._accounts.start()
        if self._mcp_servers is not None:
            self._mcp_servers.start(self._use)

    def _use(self, tools: Tools) -> None:
        """Runs keep those that they began with."""
        self.tools = tools

    async def drain(self) -> None:
        """Graceful shutdown: refuse new work, send readers away, return when all runs have ended. Then call `close`.

        `close` may also be called earlier.
        """
        self.draining.begin(settings.CHAT_DRAIN)
        await self.takeover.close()
        await self._runner.idle()
        await self._naming.close()

    async def close(self) -> None:
        """Hand over or end the live runs, release the readers, and close all connections. Takes seconds."""
        await self._purging.close()
        await self._accounts.close()
        if self._mcp_servers is not None:
            await self._mcp_servers.close()
        self.draining.begin(0)
        await self.owners.close()
        # Takeovers first: otherwise this process could claim the runs it hands over.
        await self.takeover.close()
        await self._runner.close()
        await self._naming.close()
        self.draining.end()
        await self.log.close()
        await self.models.close()
        await self._recorder.close()
        await self.providers.close()
        if self._close_database is not None:
            await self._close_database()


def _lost(cursor: Cursor) -> Batch:
    error = events.error("interrupted", "The server lost this answer before it was complete.")
    return Batch(cursor.epoch, [Entry(cursor.seq + 1, error.name, error.data)])


def _dropped(run: RunInfo) -> Batch:
    error = events.error(
        "unavailable", "The answer failed, and the site had no room to keep the part that had arrived.", retryable=True
    )
    return Batch(run.cursor.epoch, [Entry(run.cursor.seq, error.name, error.data)])


def is_at_end(run: RunInfo | Archived, cursor: Cursor) -> bool:
    """Whether nothing can come after this cursor."""
    if not isinstance(run, RunInfo):
        return cursor == replay.end_of(run)
    return not run.is_live and cursor == run.cursor


def _repeated(run: RunInfo, fingerprint: str) -> Sent:
    if run.fingerprint != fingerprint:
        raise ApiError("conflict", "This client_message_id has already been used for another message.")
    return Sent(run.run_id, run.conversation_id, run.client_message_id, True, run if run.has_log else None)


def _run_request(user_id: int, send: SendRequest, admission: Admission) -> RunRequest:
    run_id = str(uuid.uuid4())
    start: event_data.Start = {
        "run_id": run_id,
        "conversation_id": admission.conversation_id,
        "client_message_id": send.client_message_id,
        "assistant": admission.assistant.slug,
        "model": admission.assistant.model,
        "attempt": 1,
        "user_message": admission.user_message,
    }
    if continues := send.continue_id or send.waiting_id:
        start["continues"] = continues
    if admission.left_out:
        start["context"] = {"left_out": admission.left_out}
    if admission.time_zone:
        start["time_zone"] = admission.time_zone
    admission.choice.add_to(start)
    return RunRequest(
        run_id=run_id,
        owner_id=user_id,
        conversation_id=admission.conversation_id,
        client_message_id=send.client_message_id,
        fingerprint=send.fingerprint,
        title=admission.title,
        start=events.start(start),
    )


async def _nobody() -> None:
    """No status event while saving takes longer."""
