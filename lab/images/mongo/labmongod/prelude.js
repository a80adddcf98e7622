// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright: (c) 2026, fastgpt.ops contributors
//
// The shell objects scripts use: db, rs, print and the BSON types. Every database call is one
// command sent by __command(database, extended JSON), which answers extended JSON.
"use strict";

class ObjectId {
  constructor(hex) { this.hex = hex; }
  toString() { return `ObjectId("${this.hex}")`; }
  toHexString() { return this.hex; }
  toJSON() { return { $oid: this.hex }; }
}
class Timestamp {
  constructor(t, i) { this.t = t; this.i = i; }
  toJSON() { return { $timestamp: { t: this.t, i: this.i } }; }
}
class MongoServerError extends Error {
  constructor(reply) {
    super(reply.errmsg);
    this.name = "MongoServerError";
    this.code = reply.code;
    this.codeName = reply.codeName;
    this.errorResponse = reply;
  }
}
const NumberLong = Number, NumberInt = Number, Long = Number, Int32 = Number;
const ISODate = (text) => (text ? new Date(text) : new Date());

// Extended JSON ------------------------------------------------------------------------------

function __decode(_key, value) {
  if (value === null || typeof value !== "object") return value;
  if ("$oid" in value) return new ObjectId(value.$oid);
  if ("$date" in value) return new Date(typeof value.$date === "object" ? Number(value.$date.$numberLong) : value.$date);
  if ("$timestamp" in value) return new Timestamp(value.$timestamp.t, value.$timestamp.i);
  if ("$numberLong" in value) return Number(value.$numberLong);
  if ("$numberDouble" in value) return Number(value.$numberDouble);
  return value;
}
function __encode(value) {
  if (value instanceof Date) return { $date: value.toISOString() };
  if (value instanceof RegExp) return { $regularExpression: { pattern: value.source, options: value.flags } };
  if (Array.isArray(value)) return value.map(__encode);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.toJSON === "function") return value.toJSON();
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined).map(([k, v]) => [k, __encode(v)]));
}
const EJSON = {
  stringify: (value, ...rest) => JSON.stringify(__encode(value), ...rest),
  parse: (text) => JSON.parse(text, __decode),
};

let __shell = "mongosh";

function __send(database, command) {
  return JSON.parse(__command(database, EJSON.stringify(command)), __decode);
}
function __sendOrThrow(database, command) {
  const reply = __send(database, command);
  if (reply.ok !== 1) throw new MongoServerError(reply);
  return reply;
}

// The legacy shell has no `process`.
function __offerEnvironment() {
  globalThis.process = { env: JSON.parse(__environment()) };
}

// Objects --------------------------------------------------------------------------------------

class Cursor {
  constructor(database, command) { this.database = database; this.command = command; this.rows = null; }
  sort(keys) { this.command.sort = keys; return this; }
  limit(count) { this.command.limit = count; return this; }
  skip(count) { this.command.skip = count; return this; }
  projection(fields) { this.command.projection = fields; return this; }
  maxTimeMS(value) { this.command.maxTimeMS = value; return this; }
  fetch() {
    if (this.rows) return this.rows;
    let cursor = __sendOrThrow(this.database, this.command).cursor;
    this.rows = cursor.firstBatch;
    const collection = this.command.find || this.command.aggregate;
    while (cursor.id !== 0) {
      cursor = __sendOrThrow(this.database, { getMore: cursor.id, collection }).cursor;
      this.rows = this.rows.concat(cursor.nextBatch);
    }
    return this.rows;
  }
  toArray() { return this.fetch().slice(); }
  hasNext() { return this.fetch().length > 0; }
  next() { return this.fetch().shift(); }
  forEach(f) { this.fetch().forEach(f); }
  map(f) { return this.fetch().map(f); }
  count() { return this.fetch().length; }
  [Symbol.iterator]() { return this.fetch()[Symbol.iterator](); }
}

class Collection {
  constructor(database, name) { this.database = database; this.name = name; }
  getName() { return this.name; }
  getFullName() { return `${this.database}.${this.name}`; }
  run(command) { return __sendOrThrow(this.database, command); }
  find(filter = {}, projection) { return new Cursor(this.database, { find: this.name, filter, projection }); }
  findOne(filter, projection) { return this.find(filter, projection).limit(1).toArray()[0] ?? null; }
  aggregate(pipeline) { return new Cursor(this.database, { aggregate: this.name, pipeline, cursor: {} }); }
  count(query = {}) { return this.run({ count: this.name, query }).n; }
  countDocuments(query = {}) { return this.count(query); }
  estimatedDocumentCount() { return this.count(); }
  distinct(key, query = {}) { return this.run({ distinct: this.name, key, query }).values; }
  insertMany(documents) { return { acknowledged: true, n: this.run({ insert: this.name, documents }).n }; }
  insertOne(document) { return this.insertMany([document]); }
  insert(document) { return this.insertMany([].concat(document)); }
  update_(q, u, multi, upsert) {
    const reply = this.run({ update: this.name, updates: [{ q, u, multi, upsert: !!upsert }] });
    return { acknowledged: true, matchedCount: reply.n, modifiedCount: reply.nModified };
  }
  updateOne(q, u, options = {}) { return this.update_(q, u, false, options.upsert); }
  updateMany(q, u, options = {}) { return this.update_(q, u, true, options.upsert); }
  replaceOne(q, u, options = {}) { return this.update_(q, u, false, options.upsert); }
  delete_(q, limit) { return { acknowledged: true, deletedCount: this.run({ delete: this.name, deletes: [{ q, limit }] }).n }; }
  deleteOne(q) { return this.delete_(q, 1); }
  deleteMany(q) { return this.delete_(q, 0); }
  drop() { return __send(this.database, { drop: this.name }).ok === 1; }
  getIndexes() { return new Cursor(this.database, { listIndexes: this.name }).toArray(); }
  createIndex(key, options = {}) {
    const name = Object.entries(key).flat().join("_");
    this.run({ createIndexes: this.name, indexes: [{ key, name, ...options }] });
    return name;
  }
  stats() { return this.run({ collStats: this.name }); }
}

class Database {
  constructor(name) { this.name = name; }
  getName() { return this.name; }
  getSiblingDB(name) { return __database(name); }
  getMongo() { return { getDB: __database, setReadPref: () => {}, getDBNames: () => this.databaseNames() }; }
  getCollection(name) { return __collection(this.name, name); }
  runCommand(command) {
    const document = typeof command === "string" ? { [command]: 1 } : command;
    return __shell === "mongosh" ? __sendOrThrow(this.name, document) : __send(this.name, document);
  }
  adminCommand(command) { return __database("admin").runCommand(command); }
  databaseNames() { return this.adminCommand({ listDatabases: 1 }).databases.map((entry) => entry.name); }
  getCollectionNames() {
    const command = { listCollections: 1, nameOnly: true };
    return __sendOrThrow(this.name, command).cursor.firstBatch.map((entry) => entry.name).sort();
  }
  auth(user, password) {
    const { user: name, pwd } = typeof user === "object" ? user : { user, pwd: password };
    const reply = JSON.parse(__login(this.name, name, pwd));
    if (reply.ok !== 1 && __shell === "mongosh") throw new MongoServerError(reply);
    return __shell === "mongosh" ? reply : reply.ok;
  }
  createUser({ user, ...rest }) { return __sendOrThrow(this.name, { createUser: user, ...rest }); }
  updateUser(user, changes) { return __sendOrThrow(this.name, { updateUser: user, ...changes }); }
  changeUserPassword(user, pwd) { return this.updateUser(user, { pwd }); }
  dropUser(user) { return __sendOrThrow(this.name, { dropUser: user }); }
  getUser(user) { return __sendOrThrow(this.name, { usersInfo: user }).users[0] ?? null; }
  getUsers() { return __sendOrThrow(this.name, { usersInfo: 1 }).users; }
  version() { return __sendOrThrow("admin", { buildInfo: 1 }).version; }
  hello() { return this.runCommand({ hello: 1 }); }
  isMaster() { return this.runCommand({ isMaster: 1 }); }
  serverStatus() { return this.runCommand({ serverStatus: 1 }); }
  stats() { return this.runCommand({ dbStats: 1 }); }
  dropDatabase() { return this.runCommand({ dropDatabase: 1 }); }
  shutdownServer() { return __send("admin", { shutdown: 1 }); }
}

// `db.system.replset` is the collection "system.replset".
function __collection(database, name) {
  return new Proxy(new Collection(database, name), {
    get: (target, key) => (key in target || typeof key === "symbol" ? target[key] : __collection(database, `${name}.${key}`)),
  });
}

// `db.users` is the collection "users" unless Database has a member of that name.
function __database(name) {
  return new Proxy(new Database(name), {
    get: (target, key) => (key in target || typeof key === "symbol" ? target[key] : target.getCollection(key)),
  });
}

const rs = {
  status: () => db.adminCommand({ replSetGetStatus: 1 }),
  initiate: (config = {}) => db.adminCommand({ replSetInitiate: config }),
  conf: () => __sendOrThrow("admin", { replSetGetConfig: 1 }).config,
  config: () => rs.conf(),
  reconfig: (config, options = {}) => db.adminCommand({ replSetReconfig: config, ...options }),
  hello: () => db.hello(),
  isMaster: () => db.isMaster(),
};

// Output -----------------------------------------------------------------------------------------

function tojson(value, indent = "", nolint = false) {
  return JSON.stringify(__encode(value), null, nolint ? 0 : 2) ?? String(value);
}
const tojsononeline = (value) => tojson(value, "", true);
function __text(value) {
  return typeof value === "object" && value !== null ? tojson(value) : String(value);
}
const print = (...values) => void __print(values.map(__text).join(" "));
const printjson = (value) => void __print(tojson(value));
const console = { log: print, info: print, warn: print, error: print };
const sleep = (milliseconds) => void __sleep(milliseconds);
function quit(status = 0) {
  __quit(status);
  throw new Error("quit");
}
const exit = quit;
const load = (path) => { (0, eval)(__read_file(path)); return true; };

function __start(shell, database) {
  __shell = shell;
  if (shell === "mongosh") __offerEnvironment();
  globalThis.db = __database(database);
}

// Sloppy global eval, as in the shells: `const` at the top level and the value of the last expression.
function __run(source, showResult) {
  const value = (0, eval)(source);
  if (showResult && value !== undefined) print(value instanceof Cursor ? value.toArray() : value);
}
