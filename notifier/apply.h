/* Applies updates, one at a time: what an update does, the answer to it and the mark that it was
 * applied are one transaction (store_update.h), so that it happens exactly once, whatever is killed
 * at whatever point. */
#ifndef PERCH_APPLY_H
#define PERCH_APPLY_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

struct apply;
struct notifier;

enum {
    APPLY_INBOX = -1, /* as an offset: the update comes from the webhook's inbox */
    APPLY_RETRY_MS = 1000,
    APPLY_CANCELS = 5, /* times in a row that one update may take PostgreSQL too long */
};

/* The update was applied, now or before; or, `astray`, getUpdates goes on somewhere else than after
 * it. From the loop; may begin the next one, but not free. */
typedef void apply_done(void *argument, bool astray);

/* Part of a shift (notifier.h). */
struct apply *apply_new(struct notifier *notifier);
/* Without calling anybody. What was under way may have been applied. */
void apply_free(struct apply *apply);

/* Not while one is under way. `object` must live until done(). `offset` is what getUpdates was
 * asked with last (then the update's id + 1 is kept as the new one), or APPLY_INBOX. Without
 * PostgreSQL it goes on trying; an update that PostgreSQL refuses, or cannot finish in time while
 * it can mark it, is logged, and only marked: no other one may wait for it for ever.
 * ERR_INVALID: it has no id, so nothing can be done with it; no done() follows. */
int apply_start(struct apply *apply, struct json_object *object, int64_t offset, apply_done *done,
                void *argument) __attribute__((warn_unused_result));

/* Where getUpdates goes on, once done() was called. */
int64_t apply_offset(const struct apply *apply);

#endif
