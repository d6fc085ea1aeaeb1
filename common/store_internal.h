/* For the store's own files only. */
#ifndef PERCH_STORE_INTERNAL_H
#define PERCH_STORE_INTERNAL_H

#include "store.h"

/* Each entity's statements, NULL-terminated; store.c lists them all in store_profile. */
extern const struct pg_statement *const store_user_statements[];
extern const struct pg_statement *const store_account_statements[];
extern const struct pg_statement *const store_session_statements[];
extern const struct pg_statement *const store_dialog_statements[];
extern const struct pg_statement *const store_message_statements[];
extern const struct pg_statement *const store_event_statements[];
extern const struct pg_statement *const store_clean_statements[];
extern const struct pg_statement *const store_presence_statements[];
extern const struct pg_statement *const store_telegram_statements[];

/* A copy in the arena; NULL for SQL NULL. */
const char *store_text(struct arena *arena, const struct pg_result *result, int row, int column);

/* A bigint[] such as {1,2,3}. */
void store_ids_read(struct arena *arena, const struct pg_result *result, int row, int column,
                    struct store_ids *ret_ids);
/* The other way round, in the arena. */
const char *store_ids_text(struct arena *arena, const struct store_ids *ids);

/* 0 for 'ok' and 'repeat', else the error whose code the status is. */
int store_status(const char *status) __attribute__((warn_unused_result));

/* Runs a function that returns SETOF perch.change. */
int store_mutate(struct pg *pg, struct arena *arena, const struct pg_statement *statement,
                 const struct pg_params *params, struct store_change *ret_change)
    __attribute__((warn_unused_result));

#endif
