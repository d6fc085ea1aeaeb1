/* What an answer of Telegram means for the rows of a notification. Pure. */
#ifndef PERCH_OUTCOME_H
#define PERCH_OUTCOME_H

#include <stdint.h>

#include "pace.h"
#include "policy.h"
#include "store_notify.h"

enum outcome_kind {
    OUTCOME_TOLD,    /* Telegram has it, as `message_id` */
    OUTCOME_FAILED,  /* `failure` */
    OUTCOME_BLOCKED, /* the link is dead */
    OUTCOME_UNKNOWN, /* nothing to note: the claim has said it */
};

struct outcome {
    enum outcome_kind kind;
    int64_t message_id;
    struct store_notify_failure failure; /* its reason is the reply's */
};

/* `edited` is the message that the request was to edit, 0 for a new one; `now` and `random` for the
 * time of the next try. */
struct outcome outcome_read(const struct pace_answer *answer, int64_t edited, bool plain,
                            int failures, int64_t now, uint32_t random);

#endif
