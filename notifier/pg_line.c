#include "pg_line.h"

#include <stdlib.h>

#include "common/memory.h"

struct pg_line {
    struct loop_pg *pg;
    struct pg_task *running;
    STAILQ_HEAD(, pg_task) tasks; /* that wait */
};

static int begin(struct pg *pg, void *argument)
{
    struct pg_task *task = ((struct pg_line *)argument)->running;
    return task->begin(pg, task->argument);
}

static void start_next(struct pg_line *line);

static void on_done(void *argument, int err, const struct pg_result *result)
{
    struct pg_line *line = argument;
    struct pg_task *task = line->running;
    line->running = NULL;
    task->done(task->argument, err, result);
    if (line->running == NULL)
        start_next(line);
}

static void start_next(struct pg_line *line)
{
    struct pg_task *task = STAILQ_FIRST(&line->tasks);
    if (task == NULL)
        return;
    STAILQ_REMOVE_HEAD(&line->tasks, in_line);
    line->running = task;
    loop_pg_start(line->pg, begin, on_done, line);
}

void pg_line_add(struct pg_line *line, struct pg_task *task)
{
    STAILQ_INSERT_TAIL(&line->tasks, task, in_line);
    if (line->running == NULL)
        start_next(line);
}

struct pg_line *pg_line_new(struct event_base *base, const char *url, const char *application,
                            const struct pg_profile *profile)
{
    struct pg_line *line = memory_new(sizeof *line);
    line->pg = loop_pg_new(base, url, application, profile);
    STAILQ_INIT(&line->tasks);
    return line;
}

void pg_line_free(struct pg_line *line)
{
    if (line == NULL)
        return;
    loop_pg_free(line->pg);
    free(line);
}

bool pg_line_is_cancelled(const struct pg_line *line)
{
    return loop_pg_is_cancelled(line->pg);
}
