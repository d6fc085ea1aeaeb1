/* Statements one after the other on one connection. Whoever needs one stands in line with a task of
 * its own, so none of them waits for another's state. */
#ifndef PERCH_PG_LINE_H
#define PERCH_PG_LINE_H

#include <sys/queue.h>

#include "common/loop_pg.h"

struct pg_line;

/* The caller's, `= {.begin =, .done =, .argument =}`; must live until done(), or the line's end. */
struct pg_task {
    loop_pg_begin *begin; /* as in loop_pg.h; called when it is this one's turn */
    loop_pg_done *done;   /* once, from the loop; may add the task again, but not free the line */
    void *argument;
    STAILQ_ENTRY(pg_task) in_line; /* the line's own */
};

/* As loop_pg_new(). */
struct pg_line *pg_line_new(struct event_base *base, const char *url, const char *application,
                            const struct pg_profile *profile);
/* Without calling anybody. What was running may have taken effect. */
void pg_line_free(struct pg_line *line);

/* Not while it is in line or running. */
void pg_line_add(struct pg_line *line, struct pg_task *task);

/* For done(): pg_is_cancelled() of the task's statement. */
bool pg_line_is_cancelled(const struct pg_line *line);

#endif
