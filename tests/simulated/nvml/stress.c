/* Calls the simulated library from several threads at once; exits 0 if every answer is right.
 *
 * Usage: stress THREADS CALLS, beside libnvidia-ml.so.1 and with EFFMETER_FAKE_NVML set to a
 * machine with one GPU at a constant 300 W.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int nvmlInit_v2(void);
int nvmlShutdown(void);
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle);
int nvmlDeviceGetPowerUsage(void *handle, unsigned int *power_mw);
int nvmlDeviceGetUUID(void *handle, char *text, unsigned int length);

static int calls;

static void *call_often(void *result) {
    long wrong = 0;
    for (int i = 0; i < calls; i += 4) {
        void *handle = NULL;
        char uuid[96] = "";
        unsigned int power_mw = 0;
        wrong += nvmlInit_v2() != 0;
        wrong += nvmlDeviceGetHandleByIndex_v2(0, &handle) != 0;
        wrong += nvmlDeviceGetPowerUsage(handle, &power_mw) != 0 || power_mw != 300000;
        wrong += nvmlDeviceGetUUID(handle, uuid, sizeof uuid) != 0 || strncmp(uuid, "GPU-0", 5);
        wrong += nvmlShutdown() != 0;
    }
    *(long *)result = wrong;
    return NULL;
}

int main(int argc, char **argv) {
    enum { MOST = 16 };
    pthread_t threads[MOST];
    long wrong[MOST] = {0}, all = 0;
    int count = argc == 3 ? atoi(argv[1]) : 0;
    if (count < 1 || count > MOST) return 2;
    calls = atoi(argv[2]);
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, call_often, &wrong[i])) return 2;
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        all += wrong[i];
    }
    printf("%ld wrong answers\n", all);
    return all != 0;
}
