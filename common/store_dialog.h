/* Dialogs: one side's list, read marks, mutes. */
#ifndef PERCH_STORE_DIALOG_H
#define PERCH_STORE_DIALOG_H

#include "store_user.h"

struct store_dialog {
    struct store_user peer;
    const char *last_message; /* JSON */
    int unread;               /* counted to 100 */
    int64_t read_upto;        /* 0: nothing */
    int64_t peer_read_upto;
    const char *muted_until; /* JSON */
    int64_t last_message_id; /* the list's key */
};

/* `epoch` and `seq` are the position of the same instant: polling from there misses nothing. */
struct store_dialog_page {
    const char *epoch;
    int64_t seq;
    int count;
    struct store_dialog *dialogs; /* latest first */
};

/* Dialogs whose last message is older than `after` (STORE_ID_MAX: from the top). ERR_UNAUTHORIZED:
 * no such account. */
int store_dialog_list(struct pg *pg, struct arena *arena, int64_t user_id, int64_t after, int limit,
                      struct store_dialog_page *ret_page) __attribute__((warn_unused_result));

/* ERR_NOT_FOUND: no such peer; ERR_INVALID: the message is not of this dialog. */
int store_dialog_read(struct pg *pg, struct arena *arena, int64_t user_id, int64_t peer_id,
                      int64_t upto, struct store_change *ret_change)
    __attribute__((warn_unused_result));

/* `until`: RFC 3339, "infinity" or NULL. ERR_NOT_FOUND: no such peer. */
int store_dialog_mute(struct pg *pg, struct arena *arena, int64_t user_id, int64_t peer_id,
                      const char *until, struct store_change *ret_change)
    __attribute__((warn_unused_result));

/* Is the user in the peer's list of dialogs? ERR_NOT_FOUND: no such peer, or no longer. */
int store_dialog_known(struct pg *pg, int64_t user_id, int64_t peer_id, bool *ret_known)
    __attribute__((warn_unused_result));

#endif
