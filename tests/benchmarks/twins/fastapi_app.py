"""The bare FastAPI twin: bearer token, pydantic, asyncpg. Run by uvicorn, one process."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]  # It ships no types.
import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel, Field

SECRET = os.environ["JWT_SECRET"]
INSERT = """
    INSERT INTO twin_events (user_id, event_type, event_subtype, event_data, occurred_at)
    VALUES ($1, $2, $3, $4, $5)
    RETURNING id, event_type, event_subtype, event_data, occurred_at, recorded_at
"""
TIMELINE = """
    SELECT id, event_type, event_subtype, event_data, occurred_at, recorded_at
      FROM twin_events
     WHERE user_id = $1
     ORDER BY occurred_at DESC, id DESC
     LIMIT $2
"""


class EventIn(BaseModel):
    event_type: Annotated[str, Field(max_length=32)]
    event_subtype: Annotated[str, Field(max_length=64)]
    event_data: dict[str, Any]
    occurred_at: datetime


class EventOut(EventIn):
    id: UUID
    recorded_at: datetime


class Timeline(BaseModel):
    events: list[EventOut]


async def prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
    )


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    # The address comes from the PG* variables, as with every client of libpq.
    async with asyncpg.create_pool(min_size=8, max_size=8, init=prepare) as pool:
        app.state.pool = pool
        yield


async def current_user(authorization: Annotated[str, Header()]) -> UUID:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise HTTPException(401)
    try:
        claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error
    return UUID(claims["sub"])


app = FastAPI(lifespan=lifespan)
User = Annotated[UUID, Depends(current_user)]


@app.post("/events", status_code=201)
async def create_event(request: Request, user: User, event: EventIn) -> EventOut:
    row = await request.app.state.pool.fetchrow(
        INSERT, user, event.event_type, event.event_subtype, event.event_data, event.occurred_at
    )
    return EventOut(**row)


@app.get("/timeline")
async def timeline(request: Request, user: User, limit: int = 50) -> Timeline:
    rows = await request.app.state.pool.fetch(TIMELINE, user, limit)
    return Timeline(events=[EventOut(**row) for row in rows])


@app.get("/livez")
async def livez() -> dict[str, bool]:
    return {"ok": True}
