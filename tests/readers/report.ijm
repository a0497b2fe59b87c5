// Run the macro of each line of jobs.txt with the dataset of that line, and write down what ImageJ shows.
// ImageJ's own TIFF file of each window is left there, too. All is in the home folder of this ImageJ.

folder = getDirectory("home");
jobs = split(File.openAsString(folder + "/jobs.txt"), "\n");
for (number = 0; number < jobs.length; number++) {
    job = split(jobs[number], "\t");
    runMacro(job[0], job[1]);
    windows = nImages;
    for (window = 1; window <= windows; window++) {
        name = folder + "/" + number + "_" + (window - 1);
        selectImage(window);
        report(name);
        saveAs("Tiff", name + ".tif");
    }
    run("Close All");
}
File.saveString(IJ.getFullVersion, folder + "/done.txt");

function report(name) {
    Stack.getDimensions(width, height, channels, slices, frames);
    Stack.getUnits(xUnit, yUnit, zUnit, timeUnit, valueUnit);
    mode = "none";
    if (nSlices > 1)
        Stack.getDisplayMode(mode);
    getVoxelSize(x, y, z, unit);
    text = "title\t" + getTitle + "\n";
    text = text + "sizes\t" + width + "\t" + height + "\t" + channels + "\t" + slices + "\t" + frames + "\n";
    text = text + "voxel\t" + d2s(x, 6) + "\t" + d2s(y, 6) + "\t" + d2s(z, 6) + "\t" + unit + "\n";
    text = text + "interval\t" + d2s(Stack.getFrameInterval, 6) + "\t" + timeUnit + "\n";
    text = text + "mode\t" + mode + "\n";
    text = text + "bits\t" + bitDepth + "\n";
    text = text + "virtual\t" + is("Virtual Stack") + "\n";
    for (channel = 1; channel <= channels; channel++) {
        if (nSlices > 1)
            Stack.setChannel(channel);
        getLut(reds, greens, blues);
        getMinAndMax(low, high);
        text = text + "range\t" + d2s(low, 6) + "\t" + d2s(high, 6) + "\n";
        text = text + "color\t" + reds[255] + "\t" + greens[255] + "\t" + blues[255] + "\n";
    }
    for (slice = 1; slice <= nSlices; slice++) {
        if (nSlices > 1)
            setSlice(slice);
        text = text + "label\t" + getInfo("slice.label") + "\n";
    }
    File.saveString(text, name + ".txt");
}
