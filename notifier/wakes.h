/* Wake-ups that the notifier's own changes bring (a link that ended, a reply that was posted), on
 * their way to the hubs of all hosts. What Redis does not take is lost: the hubs look for
 * themselves. */
#ifndef PERCH_WAKES_H
#define PERCH_WAKES_H

struct notifier;
struct pg_result;
struct wakes;

struct wakes *wakes_new(struct notifier *notifier);
void wakes_free(struct wakes *wakes);

/* Those of a mutation (store_notifier_wake()). */
void wakes_publish(struct wakes *wakes, const struct pg_result *result);

#endif
