/* Branch-free elementary functions (placeholder of the skeleton). */
#include "fo_real.h"
