# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""FastGPT's start: databases, config.json, root user, vector table; by generation at once or on the first request."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.error import URLError
from urllib.parse import urlsplit

import labweb
import redis

from fastgpt_standin import config_file, upgrades
from fastgpt_standin.generation import Generation, LogStyle
from fastgpt_standin.log import Log
from fastgpt_standin.mongo import Mongo, MongoError
from fastgpt_standin.vectors import VectorError, Vectors

ROOT_USER_TRIES = 3
_MONGO, _POSTGRES = "infra:mongo", "infra:postgres"


class StartError(Exception):
    """The start cannot go on; the text is what FastGPT logs."""


class FastGPT:
    """State of one running application."""

    def __init__(self, generation: Generation, environment: Mapping[str, str], log: Log) -> None:
        self.generation = generation
        self.environment = environment
        self.log = log
        self.mongo = Mongo(environment.get("MONGODB_URI"))
        self.vectors = Vectors(environment["PG_URL"]) if environment.get("PG_URL") else None
        self.config: dict[str, Any] = {}
        self.ready = False
        self.left_out: list[upgrades.Call] = []
        self.faults = upgrades.faults_of(environment.get("FASTGPT_LAB_FAULTS", ""), generation.version)
        self._lock = threading.Lock()
        self._newest = generation.log_style is LogStyle.LOGTAPE

    @property
    def version(self) -> str:
        return ".".join(map(str, self.generation.version))

    def start(self) -> None:
        """Do everything a start does, once; exit with status 1 where FastGPT does."""
        with self._lock:
            if self.ready:
                return
            if self._newest:
                self.log.info("Starting system initialization...")
            try:
                self._check_variables()
                self._connect_mongo()
                self._announce_version()
                self._check_services()
                self._read_config()
                self._start_vectors()
                self._save_root_user()
                self._look_at_data()
            except StartError as error:
                self._give_up(str(error))
            while "never-ready" in self.faults:
                self.log.warn("fault of the lab: never ready")
                time.sleep(5)
            if self._newest or not self.generation.starts_on_request:
                self.log.info("System initialized successfully" if self._newest else "Init system success")
            self.ready = True

    def _give_up(self, message: str) -> NoReturn:
        key = "error" if self._newest else "message"
        self.log.error(self.generation.start_error, {key: message})
        os._exit(1)

    def _check_variables(self) -> None:
        wrong = [
            name
            for name, length in self.generation.required_variables.items()
            if len(self.environment.get(name, "")) < length
        ]
        if wrong:
            raise StartError(f"Invalid environment variables. Please check: {', '.join(wrong)}")

    def _announce_version(self) -> None:
        if self._newest:
            self.log.info("System version resolved", {"systemVersion": self.version})
        else:
            self.log.info(f"System Version: {self.version}")

    # Mongo --------------------------------------------------------------------------------------

    def _connect_mongo(self) -> None:
        while True:
            self.log.info("Starting MongoDB connection" if self._newest else "mongo start connect", category=_MONGO)
            try:
                self.mongo.connect()
            except MongoError as error:
                self._log_mongo_failure(str(error))
                if not self.generation.retries_mongo_for_ever:
                    return  # mongoose buffers: the first operation fails instead
                time.sleep(3)
            else:
                self.log.info("MongoDB connected successfully" if self._newest else "mongo connected", category=_MONGO)
                return

    def _log_mongo_failure(self, message: str) -> None:
        if self._newest:
            self.log.error("MongoDB connection failed, will retry", {"error": message}, _MONGO)
        elif self.generation.version < (4, 8, 8):
            self.log.error(f"error-> mongo connect error {message}")
        else:
            self.log.error(f"mongo connect error {message}", {"message": message})

    def _save_root_user(self) -> None:
        password = self.environment.get("DEFAULT_ROOT_PSW", "123456")
        for left in reversed(range(ROOT_USER_TRIES)):
            try:
                self.mongo.save_root_user(password)
                break
            except MongoError as error:
                self.log.error(
                    ("Root user initialization failed " if self._newest else "init root user error ") + str(error)
                )
                if not left:
                    os._exit(1)
                self.log.warn("Retrying root user initialization" if self._newest else "retry init root user")
                time.sleep(1)
        if self._newest:
            self.log.info("Root user initialized", {"username": "root"})
        else:
            # FastGPT up to 4.14.6 prints the password; whoever reads these logs must mask it.
            print(f"root user init: {{ username: 'root', password: '{password}' }}", flush=True)

    # upgrades -----------------------------------------------------------------------------------

    def _look_at_data(self) -> None:
        """Find the calls of older releases that were left out; without them nothing works."""
        try:
            record = self.mongo.upgrades(self.version)
        except MongoError as error:
            raise StartError(str(error)) from error
        installed = upgrades.parse_version(record["installed"])
        self.left_out = upgrades.missing(installed, self.generation.version, record["done"])
        for call in self.left_out:
            release = ".".join(map(str, call.release))
            self.log.error(f"data of {record['installed']} was never migrated by {call.path} of {release}")

    def run_call(self, call: upgrades.Call, body: Mapping[str, Any]) -> dict[str, Any]:
        """Run an upgrade's call: documents in four parts, a line of progress for each; raise MongoError."""
        if upgrades.only_counts(call, body):
            return {"dryRun": True, "total": {"scannedDocumentCount": self.mongo.count(call.collection)}}
        if "500" in self.faults:
            raise MongoError("MongoServerError: fault of the lab: 500")
        pause = float(self.faults.get("seconds") or 0) / 4
        changed = 0
        for part in range(4):
            time.sleep(pause)
            changed += self.mongo.migrate(call.collection, call.path, part)
            self.log.info("Data clean progress", {"path": call.path, "updated": changed}) if self._newest else print(
                f"Success: {changed}", flush=True
            )
            if "half" in self.faults and part == 1:
                if self.vectors is not None:
                    self.vectors.spoil()
                raise MongoError("MongoServerError: fault of the lab: half")
        self.mongo.note_call(call.path)
        return {"success": True, "updated": changed}

    # config.json, vectors -------------------------------------------------------------------------

    def _read_config(self) -> None:
        if not self.generation.reads_config_file:
            return
        folder = self.environment.get("CONFIG_JSON_PATH", "/app/data")
        try:
            self.config = config_file.read(f"{folder}/config.json", is_json5=self.generation.config_is_json5)
        except config_file.ConfigError as error:
            raise StartError(str(error)) from error

    def _start_vectors(self) -> None:
        """Make the table in the background: FastGPT does not wait for it, and a failure is only logged."""
        if self.vectors is not None:
            threading.Thread(target=self._prepare_vectors, args=(self.vectors,), daemon=True).start()

    def _prepare_vectors(self, vectors: Vectors) -> None:
        while not self._connect_vectors(vectors):
            time.sleep(5)
        try:
            vectors.create_schema()
        except VectorError as error:
            if self._newest:
                self.log.error("Postgres vector initialization failed", {"error": str(error)}, _POSTGRES)
            else:
                self.log.error(f"init pg error {error}", {"message": str(error)})
        else:
            self.log.info(
                "Postgres vector initialization completed" if self._newest else "init pg successful", category=_POSTGRES
            )

    def _connect_vectors(self, vectors: Vectors) -> bool:
        try:
            vectors.connect()
        except VectorError as error:
            if self._newest:
                self.log.error("Postgres connection failed", {"error": str(error)}, _POSTGRES)
            else:
                self.log.error(f"pg connect error {error}", {"message": str(error)})
                self.log.warn("Retry connect pg")
            return False
        self.log.info("Postgres pool connected" if self._newest else "pg connected", category=_POSTGRES)
        return True

    # redis, plugin, object storage ------------------------------------------------------------------

    def _check_services(self) -> None:
        if self.generation.needs_redis:
            threading.Thread(target=self._watch_redis, daemon=True).start()
        if self.generation.needs_object_storage:
            self._check_object_storage()
        if self.generation.needs_plugin:
            self._check_plugin()

    def _watch_redis(self) -> None:
        """Say every few seconds that Redis is away until it is there; FastGPT starts without it."""
        url = self.environment.get("REDIS_URL", "redis://localhost:6379")
        client = redis.Redis.from_url(url, socket_timeout=5)
        while True:
            try:
                client.ping()
            except redis.RedisError as error:
                self.log.error("Redis connection error", {"message": _redis_message(str(error), url)}, "infra:redis")
                time.sleep(5)
            else:
                if self._newest:
                    self.log.info("Redis connected", category="infra:redis")
                return

    def _check_object_storage(self) -> None:
        endpoint = self.environment.get("STORAGE_S3_ENDPOINT", "")
        bucket = self.environment.get("STORAGE_PUBLIC_BUCKET", "fastgpt-public")
        if self.environment.get("STORAGE_S3_FORCE_PATH_STYLE") != "true":
            host = urlsplit(endpoint).hostname or ""
            raise StartError(self._stage("s3_error", f"public bucket: getaddrinfo ENOTFOUND {bucket}.{host}"))
        try:
            labweb.call("HEAD", f"{endpoint}/{bucket}", timeout=5)
        except (URLError, OSError, ValueError) as error:
            raise StartError(self._stage("s3_error", f"public bucket: {_network_message(endpoint, error)}")) from error

    def _check_plugin(self) -> None:
        url = self.environment.get("PLUGIN_BASE_URL", "")
        headers = {"authtoken": self.environment.get("PLUGIN_TOKEN", "")}
        try:
            status, _, _ = labweb.call("GET", f"{url}/model/list", headers=headers, timeout=5)
        except (URLError, OSError, ValueError) as error:
            raise StartError(self._stage("plugin_error", "fetch failed")) from error
        if status == 401:
            raise StartError(self._stage("plugin_error", "Unauthorized"))
        if status == 404:
            raise StartError(self._stage("plugin_error", "Request failed: 404 Not Found"))

    def _stage(self, tag: str, message: str) -> str:
        return f"[{tag}]: {message}" if self._newest else message


def _network_message(url: str, error: Exception) -> str:
    parts = urlsplit(url)
    if "refused" in str(error):
        return f"connect ECONNREFUSED {parts.hostname}:{parts.port or 80}"
    return f"getaddrinfo ENOTFOUND {parts.hostname}"


def _redis_message(text: str, url: str) -> str:
    if "Authentication required" in text or "NOAUTH" in text:
        return "NOAUTH Authentication required."
    if "invalid username-password" in text or "WRONGPASS" in text:
        return "WRONGPASS invalid username-password pair or user is disabled."
    return _network_message(url, ConnectionError(text))
