#include "hub_house.h"

#include <stdlib.h>

#include "common/memory.h"
#include "hub_state.h"

struct hub_house {
    struct hub *hub;
    struct hub_query *query;
    STAILQ_HEAD(, hub_job) jobs; /* the first one runs */
};

static void on_done(void *argument, int err, const struct pg_result *result);

static int begin(struct pg *pg, void *argument)
{
    const struct hub_job *job = STAILQ_FIRST(&((struct hub_house *)argument)->jobs);
    return job->begin(pg, job->argument);
}

static void start(struct hub_house *house)
{
    if (!STAILQ_EMPTY(&house->jobs) && hub_query_is_idle(house->query) && !house->hub->ending)
        hub_query_start(house->query, begin, on_done, house);
}

static void on_done(void *argument, int err, const struct pg_result *result)
{
    struct hub_house *house = argument;
    struct hub_job *job = STAILQ_FIRST(&house->jobs);
    STAILQ_REMOVE_HEAD(&house->jobs, of_house);
    job->queued = false;
    job->done(job->argument, err, result);
    start(house);
}

void hub_house_add(struct hub_house *house, struct hub_job *job)
{
    if (job->queued)
        return;
    job->queued = true;
    STAILQ_INSERT_TAIL(&house->jobs, job, of_house);
    start(house);
}

struct hub_house *hub_house_new(struct hub *hub)
{
    struct hub_house *house = memory_new(sizeof *house);
    house->hub = hub;
    house->query = hub_query_new(hub, "perch-house");
    STAILQ_INIT(&house->jobs);
    return house;
}

void hub_house_free(struct hub_house *house)
{
    if (house == NULL)
        return;
    hub_query_free(house->query);
    free(house);
}
