"""The full-text index of messages and titles (chat/search/index.py).

PostgreSQL: a column that the database itself fills, and its index. Without the column, a search for a common word, and
every ANALYZE, would read the words out of the texts again. No model knows of it. SQLite: an FTS5 table without texts of its own, kept in step by triggers. Its rows
have ids that stay (SQLite may number a table's rows anew), in chat_search_entry.

A later migration that changes chat_message or chat_conversation makes SQLite copy the table, which loses its triggers:
it has to end with `create_triggers` of this one. A test watches that they are there.
"""

from django.db import migrations

PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" + "¡¿«»‹›“”„‘’‚–—…·•、。，．！？：；（）「」『』《》"

POSTGRESQL = (
    "ALTER TABLE {table} ADD COLUMN search_vector tsvector GENERATED ALWAYS AS "
    "(to_tsvector('simple', translate(left({column}, 100000), '{punctuation}', '{blanks}'))) STORED",
    'CREATE INDEX {name} ON {table} USING gin (search_vector)',
)
INDEXES = (
    ('message_search', 'chat_message', 'text'),
    ('conversation_search', 'chat_conversation', 'title'),
)

TABLES = (
    'CREATE TABLE chat_search_entry '
    '(id integer PRIMARY KEY, message_id char(32) UNIQUE, conversation_id char(32) UNIQUE)',
    # Without diacritics being removed: PostgreSQL does not remove them either.
    "CREATE VIRTUAL TABLE chat_search USING fts5(text, content='', tokenize=\"unicode61 remove_diacritics 0\")",
)
SOURCES = (
    ('message', 'chat_message', 'text'),
    ('conversation', 'chat_conversation', 'title'),
)
TRIGGERS = {
    '{name}_search_insert': """
        CREATE TRIGGER {name}_search_insert AFTER INSERT ON {table} BEGIN
            INSERT INTO chat_search_entry ({name}_id) VALUES (new.id);
            INSERT INTO chat_search (rowid, text)
            SELECT id, new.{column} FROM chat_search_entry WHERE {name}_id = new.id;
        END""",
    '{name}_search_update': """
        CREATE TRIGGER {name}_search_update AFTER UPDATE OF {column} ON {table}
        WHEN old.{column} <> new.{column} BEGIN
            INSERT INTO chat_search (chat_search, rowid, text)
            SELECT 'delete', id, old.{column} FROM chat_search_entry WHERE {name}_id = new.id;
            INSERT INTO chat_search (rowid, text)
            SELECT id, new.{column} FROM chat_search_entry WHERE {name}_id = new.id;
        END""",
    '{name}_search_delete': """
        CREATE TRIGGER {name}_search_delete AFTER DELETE ON {table} BEGIN
            INSERT INTO chat_search (chat_search, rowid, text)
            SELECT 'delete', id, old.{column} FROM chat_search_entry WHERE {name}_id = old.id;
            DELETE FROM chat_search_entry WHERE {name}_id = old.id;
        END""",
}
FILL = (
    'INSERT INTO chat_search_entry ({name}_id) SELECT id FROM {table}',
    'INSERT INTO chat_search (rowid, text) SELECT entry.id, source.{column} '
    'FROM {table} source JOIN chat_search_entry entry ON entry.{name}_id = source.id',
)


def create(apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        blanks, punctuation = ' ' * len(PUNCTUATION), PUNCTUATION.replace("'", "''")
        for name, table, column in INDEXES:
            names = {'name': name, 'table': table, 'column': column, 'punctuation': punctuation, 'blanks': blanks}
            for statement in POSTGRESQL:
                schema_editor.execute(statement.format(**names), params=None)
        return
    for statement in TABLES:
        schema_editor.execute(statement, params=None)
    for name, table, column in SOURCES:
        for statement in FILL:
            schema_editor.execute(statement.format(name=name, table=table, column=column), params=None)
    create_triggers(apps, schema_editor)


def create_triggers(apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        return
    for source, table, column in SOURCES:
        for name, statement in TRIGGERS.items():
            schema_editor.execute('DROP TRIGGER IF EXISTS ' + name.format(name=source), params=None)
            schema_editor.execute(statement.format(name=source, table=table, column=column), params=None)


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        for _, table, _ in INDEXES:
            schema_editor.execute(f'ALTER TABLE {table} DROP COLUMN search_vector', params=None)
        return
    for source, _, _ in SOURCES:
        for name in TRIGGERS:
            schema_editor.execute('DROP TRIGGER IF EXISTS ' + name.format(name=source), params=None)
    schema_editor.execute('DROP TABLE chat_search', params=None)
    schema_editor.execute('DROP TABLE chat_search_entry', params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0005_suggestion'),
    ]

    operations = [
        migrations.RunPython(create, remove),
    ]
