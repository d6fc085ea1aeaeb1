#include "fake_pg.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

enum { ANSWERS_MAX = 8 };

struct answer {
    const char *statement;
    const char *sqlstate;
    int rows;
    int columns;
    const char *const *cells;
};

struct fake_pg fake_pg;

static struct answer answers[ANSWERS_MAX];
static int answer_count;
static int line[2]; /* the second end is the server's */

/* The one connection there is, and what it has to answer. */
struct pg_conn {
    const struct answer *answer;
    bool pending;
} connection;

void fake_pg_begin(void)
{
    fake_pg = (struct fake_pg){0};
    connection = (struct pg_conn){0};
    answer_count = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, line), 0);
}

void fake_pg_end(void)
{
    close(line[0]);
    close(line[1]);
    assert_int_equal(fake_pg.open_results, 0);
    assert_int_equal(fake_pg.open_connections, 0);
}

static const struct answer *answer_to(const char *statement)
{
    static const struct answer none;

    for (int i = answer_count - 1; i >= 0; i--)
        if (strcmp(answers[i].statement, statement) == 0)
            return &answers[i];
    return &none;
}

static void answer_add(struct answer answer)
{
    assert_true(answer_count < ANSWERS_MAX);
    answers[answer_count++] = answer;
}

void fake_pg_answer(const char *statement, int rows, int columns, const char *const *cells)
{
    answer_add(
        (struct answer){.statement = statement, .rows = rows, .columns = columns, .cells = cells});
}

void fake_pg_fail(const char *statement, const char *sqlstate)
{
    answer_add((struct answer){.statement = statement, .sqlstate = sqlstate});
}

void fake_pg_speak(void)
{
    assert_int_equal(write(line[1], "!", 1), 1);
}

static int send_statement(const char *statement)
{
    assert_false(connection.pending);
    connection.answer = answer_to(statement);
    connection.pending = true;
    return 1;
}

PGconn *PQconnectStartParams(const char *const *keywords, const char *const *values, int expand)
{
    char byte;

    (void)keywords;
    (void)values;
    (void)expand;
    while (recv(line[0], &byte, 1, MSG_DONTWAIT) > 0)
        ;
    fake_pg.connects++;
    fake_pg.open_connections++;
    connection.pending = false;
    return &connection;
}

ConnStatusType PQstatus(const PGconn *conn)
{
    (void)conn;
    return fake_pg.refuses || fake_pg.lost ? CONNECTION_BAD : CONNECTION_OK;
}

PostgresPollingStatusType PQconnectPoll(PGconn *conn)
{
    (void)conn;
    if (!fake_pg.slow)
        return PGRES_POLLING_OK;
    fake_pg.slow = false;
    return PGRES_POLLING_WRITING;
}

void PQfinish(PGconn *conn)
{
    fake_pg.open_connections -= conn != NULL;
}

int PQsocket(const PGconn *conn)
{
    return conn != NULL ? line[0] : -1;
}

char *PQerrorMessage(const PGconn *conn)
{
    static char message[] = "the connection is bad\nmore of it\n";

    (void)conn;
    return message;
}

PQnoticeReceiver PQsetNoticeReceiver(PGconn *conn, PQnoticeReceiver receiver, void *argument)
{
    (void)conn;
    (void)receiver;
    (void)argument;
    return NULL;
}

int PQsetnonblocking(PGconn *conn, int wanted)
{
    (void)conn;
    (void)wanted;
    return 0;
}

int PQsendQuery(PGconn *conn, const char *sql)
{
    (void)conn;
    (void)sql;
    return send_statement("setup");
}

int PQsendPrepare(PGconn *conn, const char *statement, const char *sql, int count, const Oid *types)
{
    (void)conn;
    (void)sql;
    (void)count;
    (void)types;
    fake_pg.prepares++;
    return send_statement(answer_to(statement)->sqlstate != NULL ? statement : "");
}

int PQsendQueryPrepared(PGconn *conn, const char *statement, int count, const char *const *values,
                        const int *lengths, const int *formats, int result_format)
{
    (void)conn;
    (void)lengths;
    (void)formats;
    (void)result_format;
    fake_pg.runs++;
    fake_pg.statement = statement;
    fake_pg.param_count = count;
    for (int i = 0; i < count; i++) {
        fake_pg.nulls[i] = values[i] == NULL;
        snprintf(fake_pg.params[i], FAKE_PG_PARAM_MAX, "%s", values[i] ? values[i] : "");
    }
    return send_statement(statement);
}

int PQflush(PGconn *conn)
{
    (void)conn;
    return 0;
}

int PQconsumeInput(PGconn *conn)
{
    (void)conn;
    return !fake_pg.lost;
}

int PQisBusy(PGconn *conn)
{
    (void)conn;
    return fake_pg.silent;
}

/* A result is its answer; open_results counts those that were not cleared. */
PGresult *PQgetResult(PGconn *conn)
{
    if (!conn->pending)
        return NULL;
    conn->pending = false;
    fake_pg.open_results++;
    return (PGresult *)(uintptr_t)conn->answer;
}

static const struct answer *answer_of(const PGresult *result)
{
    return (const struct answer *)(const void *)result;
}

void PQclear(PGresult *result)
{
    fake_pg.open_results -= result != NULL;
}

ExecStatusType PQresultStatus(const PGresult *result)
{
    return answer_of(result)->sqlstate != NULL ? PGRES_FATAL_ERROR : PGRES_TUPLES_OK;
}

char *PQresultErrorField(const PGresult *result, int field)
{
    static char message[] = "it went wrong";

    return field == PG_DIAG_SQLSTATE ? (char *)(uintptr_t)answer_of(result)->sqlstate : message;
}

int PQntuples(const PGresult *result)
{
    return answer_of(result)->rows;
}

static const char *cell(const PGresult *result, int row, int column)
{
    const struct answer *answer = answer_of(result);

    assert_in_range(row, 0, answer->rows - 1);
    assert_in_range(column, 0, answer->columns - 1);
    return answer->cells[row * answer->columns + column];
}

int PQgetisnull(const PGresult *result, int row, int column)
{
    return cell(result, row, column) == NULL;
}

char *PQgetvalue(const PGresult *result, int row, int column)
{
    static char nothing[] = "";
    const char *text = cell(result, row, column);

    return text != NULL ? (char *)(uintptr_t)text : nothing;
}
