/* The simulated NVML library, with the questions beside energy that other tools ask.
 *
 * It is compiled with the folder of the simulated library on the include path. Every tool of a
 * comparison loads this same library.
 */
#include "libnvidia_ml.c"

enum { NOT_SUPPORTED = 3 };

typedef struct { unsigned long long total, available, used; } Memory;
typedef struct { unsigned int gpu, memory; } Utilization;

int nvmlDeviceGetMemoryInfo(void *handle, Memory *memory) {
    (void)handle;
    *memory = (Memory){80ULL << 30, 79ULL << 30, 1ULL << 30};
    return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(void *handle, Utilization *utilization) {
    (void)handle;
    *utilization = (Utilization){50, 10};
    return SUCCESS;
}

int nvmlDeviceGetEnforcedPowerLimit(void *handle, unsigned int *limit_mw) {
    unsigned int least;
    return nvmlDeviceGetPowerManagementLimitConstraints(handle, &least, limit_mw);
}

int nvmlDeviceGetC2cModeInfoV(void *handle, void *info) {
    (void)handle, (void)info;
    return NOT_SUPPORTED;
}
