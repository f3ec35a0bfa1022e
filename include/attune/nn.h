#pragma once
// Layers, losses, data sets and the training loop. Made by script/umbrella.

