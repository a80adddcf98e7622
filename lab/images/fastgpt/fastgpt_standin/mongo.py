# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""FastGPT's Mongo side: connecting, the root user, logins; errors in the words of mongoose and its driver."""

from __future__ import annotations

import datetime
import hashlib
import re
import socket
from typing import Any

import pymongo
from pymongo import errors

SELECTION_SECONDS = 8


class MongoError(Exception):
    """An error of Mongo or its driver, worded as Node's driver words it."""


def password_hash(password: str) -> str:
    """Return what FastGPT stores for a password: SHA-256 of the SHA-256 the browser sends."""
    return _sha256(_sha256(password))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Mongo:
    """One connection to the database in MONGODB_URI."""

    def __init__(self, uri: str | None) -> None:
        self._uri = uri
        self._client: pymongo.MongoClient[dict[str, Any]] | None = None

    def connect(self) -> None:
        """Connect and log in; raise MongoError."""
        if not self._uri:
            raise MongoError(
                'MongooseError: The `uri` parameter to `openUri()` must be a string, got "undefined". Make sure the '
                "first parameter to `mongoose.connect()` or `mongoose.createConnection()` is a string."
            )
        try:
            client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
                self._uri, serverSelectionTimeoutMS=SELECTION_SECONDS * 1000, socketTimeoutMS=60000, maxPoolSize=5
            )
            client.admin.command("ping")
        except errors.PyMongoError as error:
            raise MongoError(describe(error)) from error
        self._client = client

    @property
    def connected(self) -> bool:
        return self._client is not None

    @property
    def _database(self) -> Any:
        if self._client is None:
            raise MongoError("MongooseError: Operation `users.findOne()` buffering timed out after 10000ms")
        return self._client.get_default_database("test")

    def save_root_user(self, password: str) -> None:
        """Make the user root or reset its password, in a transaction as FastGPT does; raise MongoError."""
        database = self._database
        try:
            if "users" not in database.list_collection_names():
                database.create_collection("users")
            with database.client.start_session() as session, session.start_transaction():
                database.users.update_one(
                    {"username": "root"},
                    {
                        "$set": {"password": password_hash(password), "status": "active"},
                        "$setOnInsert": {"createTime": datetime.datetime.now(datetime.UTC)},
                    },
                    upsert=True,
                    session=session,
                )
        except errors.PyMongoError as error:
            raise MongoError(describe(error)) from error

    def stored_password(self, username: str) -> str | None:
        """Return the stored hash of a user's password, None for an unknown user; raise MongoError."""
        try:
            user = self._database.users.find_one({"username": username})
        except errors.PyMongoError as error:
            raise MongoError(describe(error)) from error
        return None if user is None else str(user.get("password"))

    def models(self) -> dict[str, dict[str, Any]]:
        """Give the settings of all models that were set up, by name; raise MongoError."""
        try:
            return {
                str(item["model"]): dict(item.get("metadata") or {}) for item in self._database.system_models.find()
            }
        except errors.PyMongoError as error:
            raise MongoError(describe(error)) from error

    def save_model(self, model: str, metadata: dict[str, Any]) -> None:
        """Change settings of a model, take out those that are None, and leave its others; raise MongoError."""
        merged = {**self.models().get(model, {}), **metadata}
        merged = {name: value for name, value in merged.items() if value is not None}
        try:
            self._database.system_models.update_one(
                {"model": model}, {"$set": {"model": model, "metadata": merged}}, upsert=True
            )
        except errors.PyMongoError as error:
            raise MongoError(describe(error)) from error

    def upgrades(self, version: str) -> dict[str, Any]:
        """Give the record of upgrades, made for this version where the data is new; raise MongoError."""
        try:
            records = self._database.lab_upgrades
            records.update_one({"_id": "state"}, {"$setOnInsert": {"installed": version, "done": []}}, upsert=True)
            return dict(records.find_one({"_id": "state"}))
        except errors.PyMongoError as error:
            raise MongoError(describe(error)) from error

    def note_call(self, path: str) -> None:
        """Write down that a call was made; raise MongoError."""
        try:
            self._database.lab_upgrades.update_one({"_id": "state"}, {"$push": {"done": path}})
        except errors.PyMongoError as error:
            raise MongoError(describe(error)) from error

    def count(self, collection: str) -> int:
        """Count a collection's documents; raise MongoError."""
        try:
            return int(self._database[collection].count_documents({}))
        except errors.PyMongoError as error:
            raise MongoError(describe(error)) from error

    def migrate(self, collection: str, path: str, part: int) -> int:
        """Mark every fourth document as changed by a call and give their number; raise MongoError.

        The mark counts how often it was made: a call that ran twice can be told.
        """
        try:
            documents = self._database[collection]
            ids = sorted((item["_id"] for item in documents.find({}, {"_id": 1})), key=str)[part::4]
            name = "lab_calls." + path.replace("/", "_")
            return int(documents.update_many({"_id": {"$in": ids}}, {"$inc": {name: 1}}).modified_count) if ids else 0
        except errors.PyMongoError as error:
            raise MongoError(describe(error)) from error


def describe(error: errors.PyMongoError) -> str:
    """Return the text Node's driver and mongoose have for the same failure."""
    text = str(error)
    if isinstance(error, errors.ServerSelectionTimeoutError):
        return "MongooseServerSelectionError: " + _selection_cause(text)
    if isinstance(error, errors.OperationFailure):
        return "MongoServerError: " + str((error.details or {}).get("errmsg", text))
    if isinstance(error, errors.InvalidURI):
        if "scheme" in text:
            return (
                "MongoParseError: Invalid scheme, expected connection string to start with "
                '"mongodb://" or "mongodb+srv://"'
            )
        return (
            "MongoParseError: Password contains unescaped characters"
            if "escaped" in text
            else f"MongoParseError: {text}"
        )
    return f"MongoNetworkError: {text}"


def _selection_cause(text: str) -> str:
    match = re.search(r"([\w.-]+):(\d+): \[Errno (-?\d+)\]", text)
    if match is None:
        return "Server selection timed out after 30000 ms"
    host, port, number = match.group(1), match.group(2), int(match.group(3))
    if number < 0:
        return f"getaddrinfo {'EAI_AGAIN' if number == -3 else 'ENOTFOUND'} {host}"
    try:
        address = socket.gethostbyname(host)
    except OSError:
        address = host
    return f"connect {'ECONNREFUSED' if number == 111 else 'EHOSTUNREACH'} {address}:{port}"
